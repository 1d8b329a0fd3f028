/** What the servers gave and were told, by which the ECU's memory is judged: keys by M4 and M5, certificates by their bytes. */
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { type FlashCell, imageIn } from "../../../firmware-sim/flash/memory.js";
import type { EcuState } from "../../../firmware-sim/state.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { equalBytes, toHex } from "../../../src/shared/bytes.js";
import { cmac, KEY_UPDATE_MAC_C, kdf } from "../../../src/she/codec/index.js";
import type { CertificateChain, KeyReceipt, KmsClient, VpkiClient } from "../../../src/station/ports.js";

export interface Book {
  /** Sets by their correlation id. */
  readonly sets: Map<string, KeyReceipt>;
  /** Key id → correlation id of the set whose success was reported last. */
  readonly stored: Map<string, string>;
  /** Type of certificate → leaf issued last, DER. */
  readonly leaves: Map<string, Uint8Array>;
  /** Leaf, hex → its way to the root. */
  readonly chains: Map<string, CertificateChain>;
}

export function newBook(): Book {
  return { sets: new Map(), stored: new Map(), leaves: new Map(), chains: new Map() };
}

/** The clients, with what passes entered in the book. */
export function booking(book: Book, kms: KmsClient, vpki: VpkiClient): { kms: KmsClient; vpki: VpkiClient } {
  const issued =
    (operation: "issue" | "reissue"): VpkiClient["issue"] =>
    async (request, id, signal) => {
      const answer = await vpki[operation](request, id, signal);
      if (answer.kind === "issued") book.leaves.set(request.type, answer.certificate);
      return answer;
    };
  return {
    kms: {
      ping: (signal) => kms.ping(signal),
      requestSync: (...call) => kms.requestSync(...call),
      async requestKey(request, id, signal) {
        const set = await kms.requestKey(request, id, signal);
        book.sets.set(set.correlationId ?? "", { m4: set.m4, m5: set.m5 });
        return set;
      },
      async report(result, id, signal) {
        await kms.report(result, id, signal);
        if (result.kind === "key" && result.status === "Success")
          book.stored.set(result.keyId, result.correlationId ?? "");
      },
    },
    vpki: {
      ping: (signal) => vpki.ping(signal),
      revoke: (...call) => vpki.revoke(...call),
      async chain(leaf, signal) {
        const chain = await vpki.chain(leaf, signal);
        book.chains.set(toHex(leaf), chain);
        return chain;
      },
      issue: issued("issue"),
      reissue: issued("reissue"),
    },
  };
}

/** What is in the ECU's memory. */
export function memoryOf(cell: FlashCell): EcuState {
  const image = imageIn(cell);
  if (image === undefined) throw new Error("the flash is empty");
  return JSON.parse(Buffer.from(image).toString("utf8")) as EcuState;
}

/** Keys that were reported as stored and are not in the ECU. */
export function falseReports(profile: Profile, cell: FlashCell, book: Book): string[] {
  const { she } = memoryOf(cell);
  return profile.keys.flatMap(({ name, keyId, slot }) => {
    const id = book.stored.get(keyId);
    if (id === undefined) return [];
    const set = book.sets.get(id);
    const held = she?.keys.find((entry) => entry.slot === slot);
    if (set === undefined || held === undefined) return [`${name} was reported as stored, and its slot is empty`];
    // M5 = CMAC of M4 by K4, which derives from the new key.
    const m5 = cmac(kdf(new Uint8Array(Buffer.from(held.key, "hex")), KEY_UPDATE_MAC_C), set.m4);
    return equalBytes(m5, set.m5) ? [] : [`${name} was reported as stored, and its slot holds another key`];
  });
}

/** The ECU has no request that reads issuers and anchors back. */
export const OTHER_CHAIN = "has another chain";

/** What a unit that passed must hold and does not. */
export function lacks(
  profile: Profile,
  cell: FlashCell,
  book: Book,
  inputs: Readonly<Record<string, string>>,
): string[] {
  const { vin, locked, slots } = memoryOf(cell);
  const found = falseReports(profile, cell, book);
  if (vin !== inputs.vin) found.push(`its VIN is ${vin}`);
  if (!locked) found.push("it is not locked");
  for (const { name, keyId } of profile.keys) if (!book.stored.has(keyId)) found.push(`${name} was never reported`);
  for (const { name, slot, type } of profile.certificates) {
    const { leaf, inUse, issuers = [], anchors = [] } = slots[slot] ?? {};
    const issued = book.leaves.get(type);
    if (leaf === undefined || inUse === undefined || issued === undefined) {
      found.push(`${name} is not there`);
      continue;
    }
    const der = Buffer.from(leaf, "base64");
    if (!der.equals(issued)) found.push(`${name} is another certificate`);
    const chain = book.chains.get(toHex(issued));
    const held = [...issuers, ...anchors].map((text) => toHex(Buffer.from(text, "base64")));
    const wanted = chain === undefined ? [] : [...chain.issuers, ...chain.anchors].map(toHex);
    if (held.join() !== wanted.join()) found.push(`${name} ${OTHER_CHAIN}`);
    const own = createPublicKey(
      createPrivateKey({ key: Buffer.from(inUse.pkcs8, "base64"), format: "der", type: "pkcs8" }),
    );
    if (!new X509Certificate(der).publicKey.equals(own)) found.push(`${name} is not for the ECU's key`);
  }
  return found;
}
