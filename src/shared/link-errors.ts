/** The rows of ERRORS (shared/errors) about links. `{what}` names device or address and what happened. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "link", retryable, ko, en }) as const;

export const LINK_ERRORS = {
  LINK_URL_INVALID: row(false, "링크 주소가 잘못되었습니다: {what}", "The link address is not valid: {what}"),
  LINK_UNSUPPORTED: row(
    false,
    "이 PC에서 지원되지 않는 링크입니다: {what}. ecustation doctor로 부족한 것을 확인하십시오.",
    "This link cannot be used here: {what}. ecustation doctor says what is missing.",
  ),
  LINK_OPEN_FAILED: row(
    true,
    "어댑터를 열 수 없습니다 ({what}). 케이블과 전원을 확인하고 다시 시도하십시오.",
    "The adapter cannot be opened ({what}). Check its cable and power, then try again.",
  ),
  LINK_CLOSED: row(
    true,
    "ECU와의 연결이 끊어졌습니다 ({what}). 케이블을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The connection to the ECU was lost ({what}). Check the cable and scan the same unit again.",
  ),
  LINK_SEND_FAILED: row(
    true,
    "어댑터가 프레임을 보내지 못했습니다 ({what}). 배선과 ECU 전원을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The adapter did not send a frame ({what}). Check the wiring and the ECU's power, then scan the same unit again.",
  ),
  LINK_BUS_OFF: row(
    true,
    "CAN 버스가 bus-off 상태입니다. 배선과 종단 저항을 확인하십시오. 그런 다음 같은 유닛을 다시 스캔하십시오.",
    "The CAN bus is off. Check the wiring and the termination. Then scan the same unit again.",
  ),

  /** `{name}`: the network interface, e.g. can0. */
  LINK_INTERFACE_MISSING: row(
    true,
    "CAN 인터페이스 {name}이(가) 없습니다. 어댑터를 연결한 다음 같은 유닛을 다시 스캔하십시오.",
    "There is no CAN interface {name}. Plug the adapter in, then scan the same unit again.",
  ),
  LINK_INTERFACE_DOWN: row(
    true,
    "CAN 인터페이스 {name}이(가) 꺼져 있습니다. «ip link set {name} up»으로 켠 다음 같은 유닛을 다시 스캔하십시오.",
    "The CAN interface {name} is down. Set it up (ip link set {name} up), then scan the same unit again.",
  ),
  LINK_INTERFACE_CLASSIC: row(
    false,
    "CAN 인터페이스 {name}은(는) CAN FD로 설정되어 있지 않습니다. 데이터 비트레이트와 함께 다시 켜거나 다른 어댑터를 사용하십시오.",
    "The CAN interface {name} is not set up for CAN FD. Set it up with a data bit rate (ip link set … type can … dbitrate … fd on), or use another adapter.",
  ),
};
