// The eight roles; each is imported only when it is to run.
import type { Role } from '@rejoinder/runtime/role';
import type { ServiceName } from '@rejoinder/runtime/services';

const loaders: Record<ServiceName, () => Promise<{ role: Role }>> = {
  gateway: () => import('@rejoinder/gateway/role'),
  connections: () => import('@rejoinder/connections/role'),
  sync: () => import('@rejoinder/sync/role'),
  threading: () => import('@rejoinder/threading/role'),
  attachment: () => import('@rejoinder/attachment/role'),
  sending: () => import('@rejoinder/sending/role'),
  timeline: () => import('@rejoinder/timeline/role'),
  retention: () => import('@rejoinder/retention/role'),
};

/** The roles by their names, loaded. */
export async function loadRoles(names: readonly ServiceName[]): Promise<Role[]> {
  return Promise.all(names.map(async (name) => (await loaders[name]()).role));
}
