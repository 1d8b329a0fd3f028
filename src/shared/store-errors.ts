/** The rows of ERRORS (shared/errors) about stores. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "store", retryable, ko, en }) as const;

export const STORE_ERRORS = {
  STORE_FAILED: row(
    true,
    "저장소에 쓸 수 없습니다: {what}. 디스크 공간과 권한을 확인하십시오.",
    "The store cannot be written: {what}. Check the disk's space and the folder's permissions.",
  ),
  /** `{store}`: file or schema; `{head}`: what was kept beside it. */
  STORE_LOST: row(
    false,
    "저장소 {store}이(가) 없거나 비어 있습니다. {head}은(는) 이 저장소가 사용되었음을 보여 줍니다. 바뀐 것은 없습니다. 백업을 복원하십시오. 일부러 새로 시작하려면 그 파일도 지우십시오.",
    "The store {store} is missing or empty, and {head} shows that it was in use. Nothing was changed. Restore a backup; to begin anew on purpose, delete that file, too.",
  ),
  /** `{where}`: host, port and database; `{what}`: what was seen. */
  STORE_UNAVAILABLE: row(
    true,
    "데이터베이스 {where}을(를) 사용할 수 없습니다 ({what}). 정상이 되면 다시 사용됩니다.",
    "The database {where} is not available ({what}). It is used again as soon as it is back.",
  ),
};
