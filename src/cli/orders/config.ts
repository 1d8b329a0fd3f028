/** `orders` of the configuration: where a unit's inputs come from that neither the scan nor the command line gave. */
import { type Static, Type } from "typebox";
import { createHttpClient } from "../../clients/http.js";
import type { Clock } from "../../shared/clock.js";
import type { Logger } from "../../shared/logger.js";
import type { OrderSource } from "../../station/ports.js";
import { openPeerFiles, PEER_FILES, type PeerFiles, peerFilesOf } from "../peer-files.js";
import type { Fault } from "../tokens.js";
import { folderOrders } from "./folder.js";
import { httpOrders, namesOf } from "./http.js";

const strict = { additionalProperties: false };

/** ms for one question, connection and answer included. */
const Timeout = Type.Number({ minimum: 100, maximum: 600_000, default: 5_000 });

const FolderSchema = Type.Object(
  {
    kind: Type.Literal("folder"),
    path: Type.String({ minLength: 1 }),
    /** Input whose value the files are named by. */
    key: Type.String({ minLength: 1, default: "vin" }),
    timeout: Timeout,
  },
  strict,
);

const HttpSchema = Type.Object(
  {
    kind: Type.Literal("http"),
    /** With `${input}` in its path or query for the values that find the order. */
    url: Type.String({ pattern: "^https://[^\\s/@?#$]+/[^\\s#]*$" }),
    ...PEER_FILES,
    timeout: Timeout,
    attempts: Type.Integer({ minimum: 1, maximum: 100, default: 3 }),
  },
  strict,
);

/** Made up by the simulator, given by nobody, or a MES's. */
export const OrdersSchema = Type.Union([Type.Enum(["simulator", "none"]), FolderSchema, HttpSchema]);

export type OrdersConfig =
  | "simulator"
  | "none"
  | Static<typeof FolderSchema>
  | (Omit<Static<typeof HttpSchema>, keyof PeerFiles> & { readonly peer: PeerFiles });

/** With absolute paths. @throws StationError CONFIG_INVALID */
export function ordersOf(
  given: Static<typeof OrdersSchema> | undefined,
  mode: "simulator" | "plant",
  at: (path: string) => string,
  fault: Fault,
): OrdersConfig {
  const orders = given ?? (mode === "simulator" ? "simulator" : "none");
  if (orders === "simulator" && mode === "plant")
    throw fault(["orders"], "makes inputs up, which mode: plant does not allow");
  if (typeof orders === "string") return orders;
  if (orders.kind === "folder") return { ...orders, path: at(orders.path) };
  const { caFile, clientCertFile, clientKeyFile, ...rest } = orders;
  if (!URL.canParse(rest.url)) throw fault(["orders", "url"], "is no address");
  if (namesOf(rest.url).length === 0)
    throw fault(["orders", "url"], "has no place for a unit's vin or another input (docs/mes.md)");
  const files = {
    caFile,
    ...(clientCertFile === undefined ? {} : { clientCertFile }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile }),
  };
  return { ...rest, peer: peerFilesOf(files, ["orders"], at, fault) };
}

/** For people. */
export function ordersText(orders: OrdersConfig): string {
  if (typeof orders === "string") return orders;
  return orders.kind === "folder" ? `${orders.path} by ${orders.key}` : orders.url;
}

export interface PlantOrders {
  /** Undefined where the configuration names no MES. */
  readonly source: OrderSource | undefined;
  close(): Promise<void>;
}

/** @throws StationError CONFIG_INVALID */
export async function openOrders(orders: OrdersConfig, clock: Clock, logger: Logger): Promise<PlantOrders> {
  if (typeof orders === "string") return { source: undefined, close: async () => undefined };
  if (orders.kind === "folder") return { source: folderOrders(orders, clock), close: async () => undefined };
  const { url, peer, timeout, attempts } = orders;
  const { origin } = new URL(url);
  const http = createHttpClient(
    { ...(await openPeerFiles(peer, logger)), baseUrls: [origin], clock, tryLimit: timeout, attempts },
    { unreachable: "ORDERS_UNREACHABLE", fault: "ORDERS_UNREACHABLE", rejected: "ORDERS_UNREACHABLE" },
  );
  // As it was written: a URL would have its braces encoded.
  return {
    source: httpOrders(http, origin, url.slice(url.indexOf("/", "https://".length))),
    close: () => http.close(),
  };
}
