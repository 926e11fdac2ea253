// The quiet look of the console: one accent, system fonts, soft corners.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const teal: MantineColorsTuple = [
  '#effaf8',
  '#dff2ef',
  '#bae5df',
  '#91d7ce',
  '#6fcbbf',
  '#4fb3a6',
  '#2c9488',
  '#0f766e',
  '#0b625b',
  '#064e48',
];

/** Deep enough that white letters on it, and its letters on white, are read easily. */
const red: MantineColorsTuple = [
  '#fef3f2',
  '#fee4e2',
  '#fecdca',
  '#fda29b',
  '#f97066',
  '#d92d20',
  '#c4281c',
  '#b42318',
  '#912018',
  '#7a271a',
];

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: 7,
  colors: { brand: teal, red },
  autoContrast: true,
  defaultRadius: 'md',
  fontFamily: 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  headings: { fontWeight: '620', sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.9375rem' } } },
  cursorType: 'pointer',
  components: {
    Modal: {
      defaultProps: {
        centered: true,
        padding: 'lg',
        overlayProps: { backgroundOpacity: 0.4 },
        transitionProps: { duration: 120 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    // Those whose letters are read easily on their own light ground, and which is not that of a chosen row.
    Avatar: { defaultProps: { allowedInitialsColors: ['blue', 'orange', 'grape', 'gray'] } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});

/** Mantine's own colours of lesser text, badges and verdicts are too faint to be read easily on light ground. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#59656b',
    '--mantine-color-teal-light-color': '#046c4e',
    '--mantine-color-teal-text': '#046c4e',
    '--mantine-color-grape-light-color': '#86198f',
    '--mantine-color-blue-light-color': '#1858a8',
    '--mantine-color-red-light-color': '#b42318',
    '--mantine-color-red-text': '#b42318',
    '--mantine-color-error': '#b42318',
    '--mantine-color-orange-light-color': '#974000',
    '--mantine-color-yellow-light-color': '#735000',
    '--mantine-color-gray-light-color': '#495057',
  },
  dark: { '--mantine-color-dimmed': '#a7b0b5', '--mantine-color-red-text': '#fda29b', '--mantine-color-error': '#fda29b' },
});
