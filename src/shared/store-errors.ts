/** The rows of ERRORS (shared/errors) about stores. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "store", retryable, ko, en }) as const;

export const STORE_ERRORS = {
  STORE_FAILED: row(
    true,
    "저장소에 쓸 수 없습니다: {what}. 디스크 공간과 권한을 확인하십시오.",
    "The store cannot be written: {what}. Check the disk's space and the folder's permissions.",
  ),
  /** `{where}`: host, port and database; `{what}`: what was seen. */
  STORE_UNAVAILABLE: row(
    true,
    "데이터베이스 {where}을(를) 사용할 수 없습니다 ({what}). 정상이 되면 다시 사용됩니다.",
    "The database {where} is not available ({what}). It is used again as soon as it is back.",
  ),
};
