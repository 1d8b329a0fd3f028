/** In place of what the station has yet to say. */
import { useTexts } from "../texts/texts.js";

export function Connecting() {
  const { t } = useTexts();
  return (
    <p class="empty" role="status">
      {t("connecting")}
    </p>
  );
}
