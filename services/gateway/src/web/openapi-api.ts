// Answers the OpenAPI document, made when it is first asked for.
import { Controller, Get } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { openApiOf, type OpenApi, type PlacedRoute } from './openapi.js';
import { declaredRoutes } from './route.js';
import { version } from './version.js';

@Controller('v1')
export class OpenApiApi {
  #document: OpenApi | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /** Open to everyone: it says nothing about anybody. */
  @Get('openapi.json')
  document(): OpenApi {
    this.#document ??= openApiOf(this.#routes(), version);
    return this.#document;
  }

  #routes(): PlacedRoute[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      const routes = metatype ? declaredRoutes(metatype.prototype as object) : [];
      return routes.map(({ prefix, route }) => ({
        path: [prefix, route.path].filter(Boolean).join('/'),
        tag: prefix.split('/')[1]!,
        route,
      }));
    });
  }
}
