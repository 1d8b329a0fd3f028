/** The rows of ERRORS (shared/errors) about results on their way to the servers. `{sink}` is the receiver's name in the configuration. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "station", retryable, ko, en }) as const;

export const OUTBOX_ERRORS = {
  OUTBOX_FULL: row(
    true,
    "전달되지 않은 결과가 너무 많습니다: {what}. 유닛은 변경되지 않았습니다. 받는 서버를 확인하거나 ecustation outbox로 정리한 뒤 다시 시작하십시오.",
    "Too many results have not been delivered: {what}. The unit was not touched. Check the receiver, or settle them with ecustation outbox, then start again.",
  ),
  SINK_UNREACHABLE: row(
    true,
    "결과를 받는 곳 {sink}에 연결할 수 없습니다: {what}. 결과는 보관되어 있으며 자동으로 다시 보냅니다.",
    "The receiver {sink} of results cannot be reached: {what}. The result is kept and sent again.",
  ),
  SINK_FAULT: row(
    true,
    "결과를 받는 곳 {sink}에 오류가 있습니다: {what}. 결과는 보관되어 있으며 자동으로 다시 보냅니다.",
    "The receiver {sink} of results failed: {what}. The result is kept and sent again.",
  ),
  SINK_REJECTED: row(
    false,
    "결과를 받는 곳 {sink}이(가) 결과를 거부했습니다: {what}. ecustation outbox로 다시 보내거나 정리하십시오.",
    "The receiver {sink} refused a result: {what}. Send it again or waive it with ecustation outbox.",
  ),
};
