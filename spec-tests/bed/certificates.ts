/** Certificates that tests make with openssl. */
import type { Bed } from "./bed.ts";

/** For the shell: one of no days has expired once the second is over in which it was made. */
export const UNTIL_NEXT_SECOND =
  "made=$(date +%s); while [ $(date +%s) = $made ]; do sleep 0.05; done";

/** An authority, and certificates by it of a server and a client; one of another authority. */
export function makeCertificates(bed: Bed, address: string, name = "certificates"): string {
  const folder = bed.folder(name);
  const ca = (name: string) =>
    `openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`;
  const signed = (name: string, by: string, usage: string) => `
    openssl ecparam -name prime256v1 -genkey -noout -out ${name}.key
    openssl req -new -key ${name}.key -subj /CN=${name} -out ${name}.csr
    printf 'subjectAltName=IP:${address}\\nextendedKeyUsage=${usage}\\n' > ${name}.ext
    openssl x509 -req -in ${name}.csr -CA ${by}.pem -CAkey ${by}.key -CAcreateserial -days 9 -extfile ${name}.ext -out ${name}.pem`;
  bed.host.sh(`cd ${folder}; exec 2>/dev/null
    ${ca("ca")}
    ${ca("other")}
    ${signed("server", "ca", "serverAuth,clientAuth")}
    ${signed("client", "ca", "clientAuth")}`);
  return folder;
}
