/** Typed requests: a row of the message tables, its values, and the values of the answer. */
import { concat } from "../../shared/bytes.js";
import type { RequestOptions, UdsClient } from "./client.js";
import { head, unexpectedResponse } from "./messages.js";
import { decode, encode, type Fields, Malformed, type Values } from "./tables/fields.js";
import type { Layout } from "./tables/layout.js";

/** Bytes of a request. @throws RangeError for a value that its field cannot hold */
export function encodeRequest<Q extends Fields>(layout: Layout<Q, Fields>, values: Values<Q>): Uint8Array {
  const { sid, sub, request } = layout;
  return concat(sub === undefined ? Uint8Array.of(sid) : Uint8Array.of(sid, sub), encode(request, values));
}

/**
 * Values of a positive response that was matched to its request.
 * @throws StationError UDS_UNEXPECTED_RESPONSE where its length or a length in it is not the service's
 */
export function decodeResponse<R extends Fields>(layout: Layout<Fields, R>, response: Uint8Array): Values<R> {
  try {
    return decode(layout.response, response, layout.sub === undefined ? 1 : 2);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw unexpectedResponse(layout.sid, `${error.message}: ${head(response)}`);
  }
}

/** Sends a request and reads its answer. @throws StationError as `UdsClient.request`, and UDS_UNEXPECTED_RESPONSE */
export async function call<Q extends Fields, R extends Fields>(
  client: UdsClient,
  layout: Layout<Q, R>,
  values: Values<Q>,
  options?: RequestOptions,
): Promise<Values<R>> {
  return decodeResponse(layout, await client.request(encodeRequest(layout, values), options));
}
