/** What both REST APIs share. */

/** Header that makes a request the same one however often it is sent: 1–200 visible ASCII characters. */
export const IDEMPOTENCY_KEY = "idempotency-key";
/** Header that binds a result to the answer that it belongs to; given with that answer. */
export const CORRELATION_ID = "x-correlation-id";
/**
 * Header by which stations that share an address or a certificate are told apart: the same value from the same station, also after its
 * restart. Optional; without it the peer is one station.
 */
export const STATION_ID = "x-station-id";
export const HEADER_VALUE = /^[\x21-\x7e]{1,200}$/;
/** Header that names a request in logs and audit logs; one that is missing or not well formed is made, and every answer has it. */
export const REQUEST_ID = "x-request-id";
export const REQUEST_ID_VALUE = /^[A-Za-z0-9._:-]{1,64}$/;

/** Content type of every request and answer. */
export const JSON_UTF8 = "application/json; charset=UTF-8";
