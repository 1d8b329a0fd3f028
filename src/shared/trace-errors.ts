/** The rows of ERRORS (shared/errors) about traces. */
export const TRACE_ERRORS = {
  /** A run's verdict never comes from it. `{file}`: the trace. */
  TRACE_INCOMPLETE: {
    layer: "store",
    retryable: true,
    ko: "트레이스 {file}이(가) 끝까지 기록되지 않았습니다 ({what}). 작업 결과에는 영향이 없습니다. 디스크 공간과 권한을 확인하십시오.",
    en: "The trace {file} is not complete ({what}). The run's outcome does not depend on it. Check the disk's space and the folder's permissions.",
  },
  TRACE_UNREADABLE: {
    layer: "program",
    retryable: false,
    ko: "트레이스 파일을 읽을 수 없습니다: {what}",
    en: "The trace cannot be read: {what}",
  },
} as const;
