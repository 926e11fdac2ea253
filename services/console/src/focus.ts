// Where the keyboard goes on after a dialog that was opened from a menu, whose entry is gone by then.
import { useEffect, useRef } from 'react';

/** To the menu's button; where that is deleted with what it stood on, to the heading of the page. */
export function useFocusBack() {
  const target = useRef<HTMLButtonElement>(null);
  useEffect(
    () => () =>
      void setTimeout(() => {
        if (document.activeElement === document.body) document.querySelector<HTMLElement>('main h2')?.focus();
      }),
    [],
  );
  return { target, back: () => target.current?.focus() };
}
