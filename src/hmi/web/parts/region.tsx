/** A part that scrolls by itself: it has a name, and the keyboard reaches it. */
import type { ComponentChildren, Ref } from "preact";

interface RegionProps {
  readonly label: string;
  readonly kind?: string;
  readonly box?: Ref<HTMLElement>;
  readonly children: ComponentChildren;
}

export function Region({ label, kind, box, children }: RegionProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard (WCAG 2.1.1)
    <section ref={box ?? null} class={`wide ${kind ?? ""}`} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
