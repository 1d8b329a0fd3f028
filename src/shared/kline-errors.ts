/** The rows of ERRORS (shared/errors) about K-Line (ISO 14230-2). */
const row = (ko: string, en: string) => ({ layer: "transport", retryable: true, ko, en }) as const;

export const KLINE_ERRORS = {
  KLINE_INIT_FAILED: row(
    "K-Line에서 ECU가 깨어나지 않습니다 ({what}). 배선, ECU 전원과 초기화 방식을 확인하십시오.",
    "The ECU does not wake up on the K-Line ({what}). Check the wiring, the ECU's power and the kind of init.",
  ),
  KLINE_COLLISION: row(
    "K-Line에서 보낸 바이트와 되돌아온 바이트가 다릅니다 ({what}). 다른 장치가 함께 보내고 있는지와 배선을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The K-Line gave back another byte than was sent ({what}). Check the wiring and for another sender, then scan the same unit again.",
  ),
  KLINE_NO_ECHO: row(
    "K-Line에서 보낸 바이트가 되돌아오지 않습니다 ({what}). 어댑터와 배선을 확인하십시오. 송수신 선이 따로 있는 UART이면 echo=none을 쓰십시오.",
    "Bytes that were sent did not come back from the K-Line ({what}). Check adapter and wiring; a UART with a wire each way needs echo=none.",
  ),
  KLINE_CHECKSUM: row(
    "K-Line 메시지의 체크섬이 틀립니다 ({what}). 배선을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "A message on the K-Line has a wrong checksum ({what}). Check the wiring, then scan the same unit again.",
  ),
  KLINE_INCOMPLETE: row(
    "K-Line 메시지가 중간에 끊어졌습니다 ({what}). 배선을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "A message on the K-Line broke off ({what}). Check the wiring, then scan the same unit again.",
  ),
  KLINE_BUSY: row(
    "K-Line의 통신이 {ms} ms가 지나도 멈추지 않습니다. 다른 장치가 보내고 있는지 확인하십시오.",
    "The K-Line did not fall silent for {ms} ms. Look for another sender.",
  ),
  KLINE_TOO_LONG: {
    ...row(
      "K-Line 메시지가 너무 깁니다 ({what}). 하드웨어 프로파일을 확인하십시오.",
      "The message is too long for the K-Line ({what}). Check the hardware profile.",
    ),
    retryable: false,
  },
};
