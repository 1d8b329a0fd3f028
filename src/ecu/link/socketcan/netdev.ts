/** CAN network interfaces as the kernel shows them in /sys/class/net. */
import { readdir, readFile } from "node:fs/promises";

const NET = "/sys/class/net";
/** ARPHRD_CAN of linux/if_arp.h. */
const ARPHRD_CAN = 280;
/** IFF_UP of linux/if.h. */
const IFF_UP = 1;
/** CANFD_MTU of linux/can.h. */
const CANFD_MTU = 72;

export interface Netdev {
  /** Another one after the interface was removed and made again. */
  readonly index: number;
  /** Somebody has set it up. */
  readonly up: boolean;
  /** It takes part in the bus. Up without it, a controller is bus-off. */
  readonly carrier: boolean;
  readonly fd: boolean;
}

/** The interface `name`; undefined where there is none, or none of CAN. */
export async function readNetdev(name: string): Promise<Netdev | undefined> {
  const read = (file: string) => readFile(`${NET}/${name}/${file}`, "utf8").then(Number, () => Number.NaN);
  const [type, index, flags, mtu] = await Promise.all(["type", "ifindex", "flags", "mtu"].map(read));
  if (type !== ARPHRD_CAN || index === undefined || flags === undefined || mtu === undefined) return undefined;
  // The kernel refuses to read the carrier of an interface that is down, or went down since its flags were read.
  const carrier = (flags & IFF_UP) === 0 ? Number.NaN : await read("carrier");
  return { index, up: !Number.isNaN(carrier), carrier: carrier === 1, fd: mtu >= CANFD_MTU };
}

/** All CAN interfaces of this machine; none where there is no SocketCAN. */
export async function listNetdevs(): Promise<(Netdev & { readonly name: string })[]> {
  const names = await readdir(NET).catch(() => []);
  const found = await Promise.all(names.map(async (name) => ({ name, netdev: await readNetdev(name) })));
  return found.flatMap(({ name, netdev }) => (netdev === undefined ? [] : [{ name, ...netdev }]));
}
