/** `she generate`, `she decode`, `she verify`: memory updates without a device. */
import { Command } from "commander";
import { equalBytes, toHex } from "../shared/bytes.js";
import {
  BANK_MAX,
  COUNTER_MAX,
  flagNames,
  M1_LENGTH,
  M2_LENGTH,
  M3_LENGTH,
  M4_LENGTH,
  M5_LENGTH,
  parseM1,
  slotName,
  UID_LENGTH,
} from "../she/codec/index.js";
import { type DeviceFacts, type Explanation, explainUpdate } from "../she/update/index.js";
import { EXIT, type Io, printJson, printLine, setExit, writeAll } from "./io.js";
import { flagsOption, hexOption, keyOption, StdinLines, slotOption, uintOption, usage } from "./she/inputs.js";
import { generateLines, SetLines } from "./she/lines.js";

interface KeyOptions {
  authKey?: string;
  authKeyFile?: string;
}

interface GenerateOptions extends KeyOptions {
  jsonl?: true;
  json?: true;
  uid?: string;
  authKeyId?: string;
  keyId?: string;
  newKey?: string;
  newKeyFile?: string;
  counter?: string;
  flags?: string;
  bank?: string;
  verifyOnly?: true;
  deviceUid?: string;
}

interface ReadOptions extends KeyOptions {
  json?: true;
  showKey?: true;
  m1?: string;
  m2?: string;
  m3?: string;
  m4?: string;
  m5?: string;
  bank?: string;
  uid?: string;
  counter?: string;
  storedFlags?: string;
  keyId?: string;
  authKeyId?: string;
  flags?: string;
  verifyOnlyFlag?: true;
}

const GENERATE_HELP = `
Keys: hex in the option (tests; other users of the machine can see it), "-" for a line of standard input (the authorising key
first), or a file of 16 bytes or 32 hex digits.

Examples:
  ecustation she generate --uid 000000000000000000000000000001 --auth-key-id 1 --auth-key-file master.key \\
      --key-id 4 --new-key - --counter 1 --flags KEY_USAGE,WILDCARD < new.key
  ecustation she generate --jsonl < updates.jsonl > sets.jsonl
      with lines like {"uid":"000000000000000000000000000001","authKeyId":1,"authKey":"000102030405060708090a0b0c0d0e0f",
      "keyId":4,"newKey":"0f0e0d0c0b0a09080706050403020100","counter":1,"flags":0} and, where wanted, bank, verifyOnly, deviceUid`;

const DECODE_HELP = `
Example:
  ecustation she decode --auth-key-file master.key --m1 00000000000000000000000000000141 \\
      --m2 2b111e2d93f486566bcbba1d7f7a9797c94643b050fc5d4d7de14cff682203c3 --m3 b9d745e5ace7d41860bc63c2b9f5bb46`;

const VERIFY_HELP = `
Exit code 1 when a device would refuse the update, or when it is not what was expected; 0 otherwise.

Example:
  ecustation she verify M1 M2 M3 --auth-key-file master.key --uid 000000000000000000000000000001 --counter 0`;

/** The command group `she`. */
export function sheCommand(io: Io): Command {
  const command = new Command("she").description("SHE memory updates M1–M5: make, read, judge");
  withAuthKey(command.command("generate").description("makes M1–M5 from the update's values"))
    .option("--jsonl", "reads one JSON object a line from standard input, prints one a line")
    .option("--uid <hex>", "device's UID, 30 hex digits; all zero = wildcard")
    .option("--auth-key-id <slot>", "authorising slot, 0–F")
    .option("--key-id <slot>", "target slot, 0–F")
    .option("--new-key <hex|->", "new key, 32 hex digits")
    .option("--new-key-file <file>", "file of the new key")
    .option("--counter <n>", "update counter, 1–268435455; also 0, which a device takes for RAM_KEY alone")
    .option("--flags <n|names>", "five flags, WRITE_PROTECTION = 16", "0")
    .option("--bank <n>", "SHE+ key bank, 0–8", "0")
    .option("--verify-only", "SHE+ flag VERIFY_ONLY")
    .option("--device-uid <hex>", "the device's own UID, which M4 carries after an update by wildcard")
    .option("--json", "one JSON line")
    .addHelpText("after", GENERATE_HELP)
    .action((options: GenerateOptions) => generate(io, options));
  withMessages(command.command("decode").description("shows what M1–M3 say, and what is wrong with them"))
    .option("--show-key", "prints the new key too")
    .addHelpText("after", DECODE_HELP)
    .action((messages: string[], options: ReadOptions) => decode(io, messages, options));
  withMessages(command.command("verify").description("says whether a device would refuse M1–M3, and why"))
    .addHelpText("after", VERIFY_HELP)
    .action((messages: string[], options: ReadOptions) => verify(io, messages, options));
  return command;
}

function withAuthKey(command: Command): Command {
  return command
    .option("--auth-key <hex|->", "authorising key, 32 hex digits, or - for a line of standard input")
    .option("--auth-key-file <file>", "file of the authorising key");
}

function withMessages(command: Command): Command {
  return withAuthKey(command)
    .argument("[messages...]", "M1 M2 M3 [M4 M5], hex, in place of the options")
    .option("--m1 <hex>", "M1, 32 hex digits")
    .option("--m2 <hex>", "M2, 64 hex digits")
    .option("--m3 <hex>", "M3, 32 hex digits")
    .option("--m4 <hex>", "M4 to check, 64 hex digits")
    .option("--m5 <hex>", "M5 to check, 32 hex digits")
    .option("--bank <n>", "expected SHE+ key bank, 0–8", "0")
    .option("--uid <hex>", "the device's UID, 30 hex digits")
    .option("--counter <n>", "counter that the device's slot holds; 0 where left out")
    .option("--stored-flags <n|names>", "flags that the device's slot holds")
    .option("--key-id <slot>", "expected target slot, 0–F")
    .option("--auth-key-id <slot>", "expected authorising slot, 0–F")
    .option("--flags <n|names>", "expected flags")
    .option("--verify-only-flag", "the device has six flags (SHE+)")
    .option("--json", "one JSON line");
}

function required<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw usage(`${name} is missing`);
  return value;
}

async function generate(io: Io, options: GenerateOptions): Promise<void> {
  if (options.jsonl === true) return generateLines(io);
  const uid = hexOption("--uid", required("--uid", options.uid), UID_LENGTH);
  const authKeyId = slotOption("--auth-key-id", required("--auth-key-id", options.authKeyId));
  const keyId = slotOption("--key-id", required("--key-id", options.keyId));
  const counter = uintOption("--counter", required("--counter", options.counter), COUNTER_MAX);
  const flags = flagsOption("--flags", options.flags ?? "0");
  const bank = uintOption("--bank", options.bank ?? "0", BANK_MAX);
  const deviceUid =
    options.deviceUid === undefined ? {} : { deviceUid: hexOption("--device-uid", options.deviceUid, UID_LENGTH) };
  const stdin = new StdinLines(io);
  const authKey = required("--auth-key", await keyOption("--auth-key", options.authKey, options.authKeyFile, stdin));
  const newKey = required("--new-key", await keyOption("--new-key", options.newKey, options.newKeyFile, stdin));
  const verifyOnly = options.verifyOnly === true;
  const line = new SetLines(1);
  line.push({
    uid,
    authKeyId,
    authKey,
    keyId,
    newKey,
    counter,
    flags,
    bank,
    verifyOnly,
    ...deviceUid,
  });
  authKey.fill(0);
  newKey.fill(0);
  const json = line.take();
  if (options.json === true) return writeAll(io.stdout, json);
  for (const [name, hex] of Object.entries(JSON.parse(json))) await printLine(io, `${name} ${hex}`);
}

interface Judged {
  readonly explanation: Explanation;
  readonly m1: Uint8Array;
}

async function judge(io: Io, words: readonly string[], options: ReadOptions): Promise<Judged> {
  if (words.length > 5) throw usage(`five messages at most, ${words.length} given`);
  const message = (index: number, text: string | undefined, length: number): Uint8Array | undefined => {
    const name = `M${index}`;
    const word = words[index - 1];
    if (text !== undefined && word !== undefined) throw usage(`${name} is given twice`);
    const value = text ?? word;
    return value === undefined ? undefined : hexOption(name, value, length);
  };
  const m1 = required("M1 (--m1)", message(1, options.m1, M1_LENGTH));
  const m2 = required("M2 (--m2)", message(2, options.m2, M2_LENGTH));
  const m3 = required("M3 (--m3)", message(3, options.m3, M3_LENGTH));
  const m4 = message(4, options.m4, M4_LENGTH);
  const m5 = message(5, options.m5, M5_LENGTH);
  if ((m4 === undefined) !== (m5 === undefined)) throw usage("M4 and M5 are only checked together");
  const device = deviceFacts(options);
  const bank = uintOption("--bank", options.bank ?? "0", BANK_MAX);
  const authKey = await keyOption("--auth-key", options.authKey, options.authKeyFile, new StdinLines(io));
  const explanation = explainUpdate({
    m1,
    m2,
    m3,
    bank,
    device,
    ...(authKey === undefined ? {} : { authKey }),
    ...(m4 === undefined || m5 === undefined ? {} : { proof: { m4, m5 } }),
  });
  authKey?.fill(0);
  return { explanation, m1 };
}

function deviceFacts(options: ReadOptions): DeviceFacts {
  const { uid, counter, storedFlags, keyId, authKeyId, flags } = options;
  return {
    ...(uid === undefined ? {} : { uid: hexOption("--uid", uid, UID_LENGTH) }),
    ...(counter === undefined ? {} : { counter: uintOption("--counter", counter, COUNTER_MAX) }),
    ...(storedFlags === undefined ? {} : { storedFlags: flagsOption("--stored-flags", storedFlags) }),
    ...(keyId === undefined ? {} : { keyId: slotOption("--key-id", keyId) }),
    ...(authKeyId === undefined ? {} : { authKeyId: slotOption("--auth-key-id", authKeyId) }),
    ...(flags === undefined ? {} : { flags: flagsOption("--flags", flags) }),
    ...(options.verifyOnlyFlag === true ? { verifyOnlyFlag: true } : {}),
  };
}

/** What `decode --json` prints; the values of M2 are null where no key fits. */
function record(judged: Judged, showKey: boolean): Record<string, unknown> {
  const { explanation, m1 } = judged;
  const { decoded, findings } = explanation;
  const ids = parseM1(m1);
  const bank = decoded?.bank ?? 0;
  return {
    slot: ids.keyId,
    slotName: slotName(ids.keyId, bank),
    authKeyId: ids.authKeyId,
    authoriser: slotName(ids.authKeyId, bank),
    uid: toHex(ids.uid),
    wildcard: equalBytes(ids.uid, new Uint8Array(UID_LENGTH)),
    bank: decoded?.bank ?? null,
    macOk: decoded?.macOk ?? false,
    counter: decoded?.counter ?? null,
    flags: decoded?.flags ?? null,
    flagNames: decoded === undefined ? null : flagNames(decoded.flags),
    verifyOnly: decoded?.verifyOnly ?? null,
    ...(showKey && decoded !== undefined ? { newKey: toHex(decoded.key) } : {}),
    accepted: explanation.accepted,
    erc: explanation.erc,
    causes: findings,
  };
}

async function decode(io: Io, words: string[], options: ReadOptions): Promise<void> {
  const judged = await judge(io, words, options);
  const { decoded, findings } = judged.explanation;
  const showKey = options.showKey === true;
  const shown = record(judged, showKey);
  if (options.json === true) {
    await printJson(io, shown);
  } else {
    const digit = (id: unknown) => Number(id).toString(16).toUpperCase();
    await printLine(io, `slot        ${digit(shown.slot)} ${shown.slotName}`);
    await printLine(io, `authoriser  ${digit(shown.authKeyId)} ${shown.authoriser}`);
    await printLine(io, `uid         ${shown.uid}${shown.wildcard === true ? " (wildcard)" : ""}`);
    if (decoded !== undefined) {
      const names = flagNames(decoded.flags);
      if (decoded.verifyOnly) await printLine(io, "sixth flag  set (VERIFY_ONLY on SHE+)");
      await printLine(io, `counter     ${decoded.counter}`);
      await printLine(io, `flags       ${decoded.flags} ${names.join(" ") || "none"}`);
      if (decoded.bank > 0) await printLine(io, `bank        ${decoded.bank}`);
      if (showKey) await printLine(io, `new key     ${toHex(decoded.key)}`);
    }
    await printLine(io, `M3          ${decoded?.macOk === true ? "right" : "wrong"}`);
    for (const { cause, erc, text } of findings) await printLine(io, `cause       ${cause}: ${text} (${erc})`);
  }
  decoded?.key.fill(0);
}

async function verify(io: Io, words: string[], options: ReadOptions): Promise<void> {
  const judged = await judge(io, words, options);
  const { accepted, erc, findings, decoded } = judged.explanation;
  if (options.json === true) {
    await printJson(io, record(judged, false));
  } else if (accepted) {
    await printLine(io, "accepted");
  } else {
    const word = erc === "ERC_NO_ERROR" ? "not as expected" : `refused with ${erc}`;
    for (const { cause, text } of findings) await printLine(io, `${word}: ${cause}: ${text}`);
  }
  decoded?.key.fill(0);
  if (!accepted) setExit(io, EXIT.FAIL);
}
