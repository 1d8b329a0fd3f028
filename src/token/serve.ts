/**
 * What a token's process does. Native calls that block or hang, and libraries that crash, do it here, where they can be ended; a new process is
 * also the one sure way to a library that has forgotten its sessions and slots.
 */
import { asStationError } from "../shared/errors.js";
import { TokenDevice } from "./device.js";
import { loadModule, readPin } from "./module.js";
import type { TokenAnswer, TokenRequest } from "./protocol.js";

/** What else a process does with its token, beyond the calls that every one knows: a task and its result, both fit for structured clone. */
export type TokenProgram = (device: TokenDevice, task: unknown) => Promise<unknown>;

let device: TokenDevice | undefined;

async function perform(request: TokenRequest, program: TokenProgram | undefined): Promise<unknown> {
  if (request.call === "open") {
    const { address, sessions } = request.args;
    const pin = await readPin(address.pinFile);
    device = await TokenDevice.open(await loadModule(address.module), address, pin, sessions);
    return null;
  }
  if (device === undefined) throw new Error("the token is not open");
  switch (request.call) {
    case "sign":
      return device.sign(request.args.key, request.args.digest);
    case "publicKey":
      return device.publicKey(request.args.key);
    case "generate":
      return device.generate(request.args.key, request.args.curve);
    case "probe":
      await device.probe();
      return null;
    case "describe":
      return device.describe(request.args.uses);
    case "hasWrappingKey":
      return device.hasWrappingKey(request.args.key);
    case "generateWrappingKey":
      await device.generateWrappingKey(request.args.key);
      return null;
    case "wrap":
      return device.wrap(request.args.key, request.args.value);
    case "unwrap":
      return device.unwrap(request.args.key, request.args.wrapped);
    case "work":
      if (program === undefined) throw new Error("the token's process has no program");
      return program(device, request.args.task);
  }
}

async function serve(request: TokenRequest, program: TokenProgram | undefined): Promise<void> {
  let answer: TokenAnswer;
  try {
    answer = { id: request.id, value: await perform(request, program) };
  } catch (error) {
    const { code, details } = asStationError(error);
    answer = { id: request.id, failure: { code, details } };
  }
  const wipe = request.call === "unwrap" && "value" in answer ? (answer.value as Uint8Array) : undefined;
  process.send?.(answer, undefined, undefined, () => wipe?.fill(0));
}

/** Makes this process the process of a token: requests come and answers go over its IPC channel. */
export function serveToken(program?: TokenProgram): void {
  process.on("message", (request: TokenRequest) => void serve(request, program));
  // The program ended or let go of the token.
  process.on("disconnect", () => {
    device?.close();
    process.exit(0);
  });
  // Ctrl+C goes to the whole group of processes; the program ends this one when its own work is done.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
}
