// REST calls about the addresses of a contact.
import { api, call, post, type Contact } from './api.js';

export const addAddress = (id: string, address: string) => post<Contact>(`/v1/contacts/${id}/addresses`, { address });

export const removeAddress = (id: string, address: string) =>
  call<Contact>('DELETE', `/v1/contacts/${id}/addresses?address=${encodeURIComponent(address)}`);

/** Another contact than this one, that has the address. */
export async function otherWith(address: string, { contact_id: id }: Contact): Promise<Contact | undefined> {
  const { contacts } = await api.contacts(address, '');
  const isTheirs = (one: Contact) => [one.address, ...one.other_addresses].some((its) => its.toLowerCase() === address.toLowerCase());
  return contacts.find((one) => one.contact_id !== id && isTheirs(one));
}
