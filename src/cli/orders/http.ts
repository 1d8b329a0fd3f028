/** Orders of a MES by HTTPS: one GET a unit, 200 with the order, 404 where there is none. */
import type { HttpClient } from "../../clients/http.js";
import { isStationError } from "../../shared/errors.js";
import type { OrderSource } from "../../station/ports.js";
import { invalid, jsonOrder, unreachable } from "./order.js";

const REFERENCE = /\$\{([^}]*)\}/g;

/** Names of the inputs that the address needs. */
export function namesOf(template: string): string[] {
  return [...template.matchAll(REFERENCE)].map((match) => match[1] ?? "");
}

/**
 * @param http throws ORDERS_UNREACHABLE without the source
 * @param origin for people
 * @param template path and query, with `${input}` for the values that find the order
 */
export function httpOrders(http: Pick<HttpClient, "call">, origin: string, template: string): OrderSource {
  const names = namesOf(template);
  return {
    async orderFor(_profile, given, _missing, signal) {
      if (names.some((name) => given[name] === undefined)) return undefined;
      const path = template.replace(REFERENCE, (_, name: string) => encodeURIComponent(given[name] ?? ""));
      const source = `${origin}${path}`;
      const answer = await http.call({ method: "GET", path }, signal).catch((error: unknown) => {
        if (!isStationError(error, "ORDERS_UNREACHABLE")) throw error;
        throw unreachable(source, String(error.details.what), error);
      });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw unreachable(source, `it answered ${answer.status}`);
      if (answer.json === undefined) throw invalid(source, "it is no JSON");
      return jsonOrder(answer.json, source);
    },
  };
}
