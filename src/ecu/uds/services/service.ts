/** A typed service: request and response of one SID, both ways pure. */
import type { RequestOptions, UdsClient } from "../client.js";

export interface UdsService<Request, Response> {
  build(request: Request): Uint8Array;
  /**
   * @param response a positive response that was matched to the request
   * @throws StationError UDS_UNEXPECTED_RESPONSE
   */
  parse(response: Uint8Array, request: Request): Response;
}

/** Sends a typed request and reads its answer. */
export async function call<Request, Response>(
  client: UdsClient,
  service: UdsService<Request, Response>,
  request: Request,
  options?: RequestOptions,
): Promise<Response> {
  return service.parse(await client.request(service.build(request), options), request);
}
