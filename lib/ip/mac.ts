/** An EUI-48 hardware address: 6 bytes. */
export type Mac = Uint8Array;

/** Reads aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff in either case. */
export function parseMac(text: string): Mac | undefined {
  const byByte = /^[\da-f]{2}([:-])([\da-f]{2}\1){4}[\da-f]{2}$/i;
  const byWord = /^([\da-f]{4}\.){2}[\da-f]{4}$/i;
  if (!byByte.test(text) && !byWord.test(text)) return undefined;
  return Uint8Array.from(text.match(/[\da-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}

const HEX = "0123456789abcdef";

/** Lower case with colons. */
export function formatMac(mac: Mac): string {
  let text = "";
  for (let i = 0; i < mac.length; i++) {
    const byte = mac[i] ?? 0;
    text += `${i === 0 ? "" : ":"}${HEX[byte >> 4]}${HEX[byte & 15]}`;
  }
  return text;
}

/** Whether the group bit is set, as in every multicast address and the broadcast address. */
export function isMulticastMac(mac: Mac): boolean {
  return ((mac[0] ?? 0) & 1) === 1;
}

/** Whether all bytes are zero. */
export function isZeroMac(mac: Mac): boolean {
  return mac.every((byte) => byte === 0);
}
