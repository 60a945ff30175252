import { describe, expect, it } from "vitest";
import { portMappingsIn } from "./port-mappings.ts";

describe("port mappings as people write them", () => {
  it("say ports, protocol and address", () => {
    expect(portMappingsIn("8080:80")).toEqual([
      { hostPort: 8080, containerPort: 80, protocol: "tcp" },
    ]);
    expect(portMappingsIn("127.0.0.1:53:5353/udp,[::1]:8080:80/TCP")).toEqual([
      { hostPort: 53, containerPort: 5353, protocol: "udp", hostIP: "127.0.0.1" },
      { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "::1" },
    ]);
  });

  it.each(["", "80", "80:", "a:80", "80:80/icmp", "80:80,", "[]"])("are not %j", (text) => {
    expect(portMappingsIn(text)).toBeUndefined();
  });
});
