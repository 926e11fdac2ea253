// A page as it is used by the keyboard alone.
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { settle } from '@rejoinder/testing/settle';
import { within } from './console.js';

const maxStops = 60;
const maxEntries = 20;

/** In the page: the ring around what has the focus. */
const ringOfFocus = `
  document.activeElement === document.body
    ? 'nothing'
    : getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth`;

const focused = (locator: Locator) => locator.evaluate((element) => element === element.ownerDocument.activeElement);

export function keyboardOf(page: Page) {
  /** Tabs on until it is reached; every stop on the way can be seen. */
  const tabTo = async (locator: Locator): Promise<void> => {
    await locator.first().waitFor(within);
    for (let stops = 0; stops < maxStops; stops++) {
      if (await focused(locator)) return;
      await page.keyboard.press('Tab');
      expect(await page.evaluate<string>(ringOfFocus)).toMatch(/^(solid \dpx|nothing)$/);
    }
    throw new Error(`the keyboard does not come to ${locator.toString()}`);
  };
  const press = async (locator: Locator): Promise<void> => {
    await tabTo(locator);
    await page.keyboard.press('Enter');
  };
  return {
    tabTo,
    press,
    escape: () => page.keyboard.press('Escape'),
    type: async (locator: Locator, text: string): Promise<void> => {
      await tabTo(locator);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type(text);
    },
    /** The entry of a menu. */
    choose: async (menu: Locator, name: string): Promise<void> => {
      await press(menu);
      const entries = page.getByRole('menu');
      const hasFocus = () => entries.evaluate((element) => element.contains(element.ownerDocument.activeElement));
      await settle('the menu to have the focus', hasFocus);
      const entry = page.getByRole('menuitem', { name, exact: true });
      for (let down = 0; down < maxEntries && !(await focused(entry)); down++) await page.keyboard.press('ArrowDown');
      expect(await focused(entry)).toBe(true);
      await page.keyboard.press('Enter');
    },
    /** Dialogs take the focus and give it back. */
    isAt: (locator: Locator) => settle(`the focus to be at ${locator.toString()}`, () => focused(locator)),
  };
}
