/** The rows of ERRORS (shared/errors) about the station's bays. */
export const STATION_ERRORS = {
  BAY_UNKNOWN: {
    layer: "station",
    retryable: false,
    ko: "이 스테이션에는 자리 {name}이(가) 없습니다. 설정의 station.bays를 확인하십시오.",
    en: "This station has no bay {name}. Check station.bays of its configuration.",
  },
} as const;
