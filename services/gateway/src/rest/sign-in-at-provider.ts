// What REST takes and tells of a sign-in at a provider's page.
import { z } from 'zod';
import { addressText, ids, nameText, text } from './shapes.js';

const maxProvider = 40;
const maxRedirect = 2_000;
const maxCallback = 8_000;
const redirect = 'https://crm.example.com/inboxes/signed-in';

const startFields = {
  provider: z
    .string()
    .min(1)
    .max(maxProvider)
    .meta({ description: 'As discover tells it', examples: ['google'] }),
  address: addressText.optional().meta({ description: 'Of the inbox that is to be connected', examples: ['ada@example.com'] }),
  inbox_id: ids.inbox.optional().meta({ description: 'Of the inbox that is to be reconnected, instead of an address' }),
  display_name: nameText.optional(),
  redirect_uri: z
    .string()
    .min(1)
    .max(maxRedirect)
    .meta({ description: 'Where the page sends the person back to, as it is registered at the provider', examples: [redirect] }),
};
/** For one of the two, and not for both. */
export const startBody = z
  .strictObject(startFields)
  .refine(({ address, inbox_id: inboxId }) => (address === undefined) !== (inboxId === undefined), 'needs an address or an inbox_id');
export const begunSchema = z.object({
  authorization_url: text('https://accounts.google.com/o/oauth2/v2/auth?client_id=…').meta({
    description: 'The page to send the person to',
  }),
});
export const finishBody = z.strictObject({
  callback_url: z
    .string()
    .min(1)
    .max(maxCallback)
    .meta({ description: 'The whole address to which the person came back', examples: [`${redirect}?code=…&state=…`] }),
});
