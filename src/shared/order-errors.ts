/** The rows of ERRORS (shared/errors) about orders. `{source}` is the file or address that the order was looked for in. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "station", retryable, ko, en }) as const;

export const ORDER_ERRORS = {
  ORDERS_UNREACHABLE: row(
    true,
    "작업 지시 {source}을(를) 읽을 수 없습니다: {what}. 유닛은 변경되지 않았습니다. 확인한 뒤 다시 시작하십시오.",
    "Orders cannot be read from {source}: {what}. The unit was not touched. Check it, then start again.",
  ),
  ORDER_INVALID: row(
    false,
    "작업 지시 {source}이(가) 잘못되었습니다: {what}. 유닛은 변경되지 않았습니다. 지시를 고쳐 다시 보내십시오.",
    "The order {source} is not valid: {what}. The unit was not touched. Send a corrected one.",
  ),
  ORDER_MISMATCH: row(
    false,
    "작업 지시 {source}이(가) 이 작업과 다릅니다: {what}. 유닛은 변경되지 않았습니다. 스캔과 프로파일을 확인하십시오.",
    "The order {source} is for something else: {what}. The unit was not touched. Check the scan and the profile.",
  ),
};
