/** The rows of ERRORS (shared/errors) about the KMS. `{what}` is what the server or the connection said. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "kms", retryable, ko, en }) as const;

export const KMS_ERRORS = {
  KMS_UNREACHABLE: row(
    true,
    "키 서버(KMS)에 연결할 수 없습니다 ({what}). 서버를 확인한 뒤 다시 시작하십시오.",
    "The key server (KMS) cannot be reached ({what}). Check it, then start again.",
  ),
  KMS_REJECTED: row(
    false,
    "키 서버가 요청을 거부했습니다: {what}. 관리자에게 알리십시오.",
    "The key server refused the request: {what}. Tell an engineer.",
  ),
  KMS_FAULT: row(
    true,
    "키 서버에 오류가 있습니다: {what}. 잠시 후 같은 유닛을 다시 스캔하십시오.",
    "The key server failed: {what}. Scan the same unit again in a while.",
  ),
  KMS_LEASED: row(
    true,
    "키 서버(KMS)에서 이 유닛은 다른 스테이션이 작업 중입니다: {what}. 키는 더 이상 주입되지 않았습니다. 그 작업이 끝난 뒤 같은 유닛을 다시 스캔하십시오.",
    "The key server (KMS) keeps this unit for another station: {what}. No further key was loaded. Scan the same unit again when that station has finished.",
  ),
};
