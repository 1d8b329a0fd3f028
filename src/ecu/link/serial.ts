/** A serial device as a byte stream, by the serialport package (its native part is loaded when the first device is opened). */
import { access, readdir } from "node:fs/promises";
import type { SerialPort } from "serialport";
import type { Clock, Timer } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import type { BreakStream } from "./stream.js";

export interface SerialOptions {
  /** Baud rate of the UART; USB adapters ignore it. Default 115,200. */
  readonly baudRate?: number;
  /**
   * Every so many ms it is checked that the device is still there, because some drivers report an unplugged one only at the next write.
   * Default 400, range 50–1,000.
   */
  readonly liveness?: number;
}

/** @throws StationError LINK_UNSUPPORTED (no serialport here), LINK_OPEN_FAILED */
export async function openSerial(device: string, options: SerialOptions, clock: Clock): Promise<BreakStream> {
  const { SerialPort: Port } = await import("serialport").catch((cause: unknown) => {
    throw new StationError("LINK_UNSUPPORTED", {
      details: { what: `the serialport package does not load (${describe(cause)}); run npm ci again` },
      cause,
    });
  });
  const port = new Port({ path: device, baudRate: options.baudRate ?? 115_200, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => {
      if (error)
        reject(
          new StationError("LINK_OPEN_FAILED", { details: { what: `${device}: ${describe(error)}` }, cause: error }),
        );
      else resolve();
    });
  });
  return new SerialStream(port, device, options.liveness ?? 400, clock);
}

class SerialStream implements BreakStream {
  readonly name: string;
  readonly #port: SerialPort;
  readonly #clock: Clock;
  readonly #liveness: number;
  #probe: Timer | undefined;
  #data: (chunk: Uint8Array) => void = () => undefined;
  #ended: (error: Error) => void = () => undefined;
  #closing: Promise<void> | undefined;
  #gone: Error | undefined;

  constructor(port: SerialPort, name: string, liveness: number, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    this.#liveness = liveness;
    this.name = name;
    port.on("data", (chunk: Buffer) => this.#data(chunk));
    port.on("error", (error: Error) => this.#end(describe(error)));
    port.on("close", (error: Error | null | undefined) => this.#end(error ? describe(error) : "the device was closed"));
    // Only a path in the file system can be looked for; a COM port's removal is reported by the driver.
    if (name.startsWith("/")) this.#arm();
  }

  #arm(): void {
    this.#probe = this.#clock.timer(this.#liveness, () => {
      access(this.name).then(
        () => {
          if (this.#gone === undefined && this.#closing === undefined) this.#arm();
        },
        () => this.#end("the device is gone"),
      );
    });
  }

  #end(why: string): void {
    this.#probe?.cancel();
    if (this.#gone !== undefined) return;
    this.#gone = new StationError("LINK_CLOSED", { details: { what: `${this.name}: ${why}` } });
    if (this.#closing !== undefined) return;
    this.#ended(this.#gone);
    if (this.#port.isOpen) this.#port.close(() => undefined);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#port.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), undefined, (error) => {
        if (error)
          reject(
            this.#gone ??
              new StationError("LINK_CLOSED", {
                details: { what: `${this.name}: ${describe(error)}` },
                cause: error,
              }),
          );
        else resolve();
      });
    });
  }

  setBreak(low: boolean): Promise<void> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#port.set({ brk: low }, (error) => {
        if (error)
          reject(
            this.#gone ??
              new StationError("LINK_UNSUPPORTED", {
                details: { what: `${this.name}: no break from this device (${describe(error)}); it can do init=none` },
                cause: error,
              }),
          );
        else resolve();
      });
    });
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClosed(listener: (error: Error) => void): void {
    this.#ended = listener;
    if (this.#gone !== undefined && this.#closing === undefined) listener(this.#gone);
  }

  close(): Promise<void> {
    this.#probe?.cancel();
    this.#closing ??= new Promise((resolve) => {
      if (this.#gone !== undefined || !this.#port.isOpen) {
        resolve();
        return;
      }
      this.#port.close(() => resolve());
    });
    return this.#closing;
  }
}

export interface SerialDevice {
  readonly path: string;
  readonly maker: string | undefined;
  /** `VID:PID` in lower-case hex. */
  readonly usb: string | undefined;
}

/** Serial devices of this machine, with what USB says about them. @throws StationError LINK_UNSUPPORTED */
export async function listSerial(): Promise<SerialDevice[]> {
  const { SerialPort: Port } = await import("serialport").catch((cause: unknown) => {
    throw new StationError("LINK_UNSUPPORTED", { details: { what: describe(cause) }, cause });
  });
  // On Linux the list comes from udevadm, which small systems do without.
  const ports = await Port.list().catch(async () => {
    const names = await readdir("/dev").catch(() => []);
    return names
      .filter((name) => /^tty(?:USB|ACM)\d+$/.test(name))
      .map((name) => ({ path: `/dev/${name}`, manufacturer: undefined, vendorId: undefined, productId: undefined }));
  });
  return ports.map(({ path, manufacturer, vendorId, productId }) => ({
    path,
    maker: manufacturer,
    usb: vendorId === undefined || productId === undefined ? undefined : `${vendorId}:${productId}`.toLowerCase(),
  }));
}
