/** The rows of ERRORS (shared/errors) about the station's bays. */
export const STATION_ERRORS = {
  BAY_UNKNOWN: {
    layer: "station",
    retryable: false,
    ko: "이 스테이션에는 베이 {name}이(가) 없습니다. 설정의 station.bays를 확인하십시오.",
    en: "This station has no bay {name}. Check station.bays of its configuration.",
  },
  PROFILE_NOT_APPROVED: {
    layer: "profile",
    retryable: false,
    ko: "승인되지 않은 프로파일입니다: {name} 버전 {version} ({hash}), 필요한 승인 {needed}명, 승인한 사람: {by}. 유닛은 변경되지 않았습니다. 내용을 확인하고 ecustation profile approve로 승인하십시오.",
    en: "The profile is not approved: {name} version {version} ({hash}), approvals needed {needed}, approved by {by}. The unit was not touched. Read it, then approve it by ecustation profile approve.",
  },
} as const;
