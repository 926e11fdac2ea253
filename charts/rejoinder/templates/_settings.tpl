{{/* The settings of the processes. files/settings.json is what `rejoinder settings --json` lists: a name that is not there is refused. */}}

{{/*
JSON of all that the chart writes by itself: name to value, secret, file or field of the pod. Each role is given those that it declares.
*/}}
{{- define "rejoinder.written" -}}
{{- $name := include "rejoinder.fullname" . -}}
{{- $v := .Values -}}
{{- $plain := dict
  "REJOINDER_KAFKA_BROKERS" (join "," $v.kafka.brokers)
  "REJOINDER_KAFKA_TLS" (ternary "on" "off" $v.kafka.tls.enabled)
  "REJOINDER_KAFKA_SASL" $v.kafka.sasl.mechanism
  "REJOINDER_KAFKA_USER" $v.kafka.sasl.user
  "REJOINDER_GRPC_LISTEN" "0.0.0.0:7430"
  "REJOINDER_HEALTH_LISTEN" "0.0.0.0:7440"
  "REJOINDER_UNREADY_SECONDS" $v.drain.unreadySeconds
  "REJOINDER_DRAIN_SECONDS" $v.drain.seconds
  "REJOINDER_HTTP_LISTEN" "0.0.0.0:7420"
  "REJOINDER_HTTP_HOSTS" (include "rejoinder.hosts" .)
  "REJOINDER_HTTP_TRUSTED_PROXIES" (join "," $v.gateway.trustedProxies)
  "REJOINDER_PUBLIC_URL" (include "rejoinder.publicUrl" .)
  "REJOINDER_S3_ENDPOINT" $v.s3.endpoint
  "REJOINDER_S3_REGION" $v.s3.region
  "REJOINDER_S3_BUCKET" $v.s3.bucket
  "REJOINDER_S3_PATH_STYLE" (ternary "on" "off" $v.s3.pathStyle)
  "REJOINDER_MAIL_ALLOWED_PORTS" (concat $v.mail.imapPorts $v.mail.smtpPorts | join ",")
  "REJOINDER_MAIL_ALLOWED_NETWORKS" (join "," $v.mail.allowedNetworks)
  "REJOINDER_WEBHOOK_ALLOWED_PORTS" (join "," $v.webhooks.ports)
  "REJOINDER_WEBHOOK_ALLOWED_NETWORKS" (join "," $v.webhooks.allowedNetworks)
  "REJOINDER_INTAKE_DOMAIN" $v.intake.domain
  "REJOINDER_INTAKE_LISTEN" "0.0.0.0:2525"
  "OTEL_EXPORTER_OTLP_ENDPOINT" $v.traces.endpoint
-}}
{{- range $role := keys (include "rejoinder.roles" . | fromJson) -}}
{{- $_ := set $plain (printf "REJOINDER_%s_GRPC" (upper $role)) (printf "%s-%s:7430" $name $role) -}}
{{- end -}}
{{- $secrets := dict
  "REJOINDER_DATABASE_URL" $v.database
  "REJOINDER_KEYRING_URL" $v.keyring
  "REJOINDER_KAFKA_PASSWORD" (dict "existingSecret" $v.kafka.sasl.existingSecret "key" $v.kafka.sasl.key)
  "REJOINDER_S3_ACCESS_KEY_ID" (dict "existingSecret" $v.s3.existingSecret "key" $v.s3.accessKeyIdKey)
  "REJOINDER_S3_SECRET_ACCESS_KEY" (dict "existingSecret" $v.s3.existingSecret "key" $v.s3.secretAccessKeyKey)
  "REJOINDER_BOOTSTRAP_API_KEY" $v.gateway.bootstrapApiKey
-}}
{{- $files := dict
  "REJOINDER_KEY_FILE" $v.keyFile
  "REJOINDER_KAFKA_CA_FILE" (dict "existingSecret" $v.kafka.tls.existingSecret "key" $v.kafka.tls.key)
  "REJOINDER_INTAKE_CERTIFICATE_FILE" (dict "existingSecret" $v.intake.certificate.existingSecret "key" "tls.crt")
  "REJOINDER_INTAKE_CERTIFICATE_KEY_FILE" (dict "existingSecret" $v.intake.certificate.existingSecret "key" "tls.key")
-}}
{{- /* A rollout moves each inbox once: pods of the old template keep theirs until they end. A container that died is started anew in its pod. */ -}}
{{- $written := dict
  "REJOINDER_RELEASE" (dict "field" "metadata.labels['pod-template-hash']")
  "REJOINDER_INSTANCE" (dict "field" "metadata.name")
-}}
{{- range $setting, $value := $plain }}{{ $_ := set $written $setting (dict "value" (toString $value)) }}{{ end -}}
{{- range $setting, $from := $secrets }}{{ $_ := set $written $setting (dict "secret" $from) }}{{ end -}}
{{- range $setting, $from := $files }}{{ $_ := set $written $setting (dict "file" $from) }}{{ end -}}
{{- toJson $written -}}
{{- end -}}

{{/* The names by which the gateway may be called. localhost is what `kubectl port-forward` leads to. */}}
{{- define "rejoinder.hosts" -}}
{{- $service := printf "%s-gateway" (include "rejoinder.fullname" .) -}}
{{- $inside := list $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace) -}}
{{- concat $inside (list "localhost:7420" "127.0.0.1:7420") (compact (list .Values.gateway.ingress.host)) .Values.gateway.hosts | join "," -}}
{{- end -}}

{{- define "rejoinder.publicUrl" -}}
{{- with .Values.gateway.ingress -}}
{{- $.Values.gateway.publicUrl | default (and .enabled .tls.existingSecret (printf "https://%s" .host) | default "") -}}
{{- end -}}
{{- end -}}

{{/*
JSON of what a role is given, name to value, secret or file: what the chart writes, then what the values name, of all that the role declares.
The command `migrate` is called as a role and declares the two databases.
*/}}
{{- define "rejoinder.given" -}}
{{- $root := .root -}}
{{- $all := include "rejoinder.written" $root | fromJson -}}
{{- $own := dict -}}
{{- if ne .role "migrate" }}{{ $own = (include "rejoinder.role" . | fromJson).settings }}{{ end -}}
{{- range $setting, $value := merge (dict) $own $root.Values.settings }}{{ $_ := set $all $setting (dict "value" (ternary $value (int64 $value | toString) (kindIs "string" $value))) }}{{ end -}}
{{- range $setting, $from := $root.Values.secretSettings }}{{ $_ := set $all $setting (dict "secret" $from) }}{{ end -}}
{{- range $setting, $from := $root.Values.fileSettings }}{{ $_ := set $all $setting (dict "file" $from) }}{{ end -}}
{{- $declared := list "REJOINDER_DATABASE_URL" "REJOINDER_KEYRING_URL" -}}
{{- if ne .role "migrate" }}{{ $declared = include "rejoinder.declared" . | fromJsonArray }}{{ end -}}
{{- $given := dict -}}
{{- range $setting := $declared -}}
{{- with index $all $setting -}}
{{- if or .value .field (.secret).existingSecret (.file).existingSecret (.file).existingConfigMap }}{{ $_ := set $given $setting . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $given -}}
{{- end -}}

{{/* JSON list of the names that a role declares. */}}
{{- define "rejoinder.declared" -}}
{{- $names := list -}}
{{- $role := .role -}}
{{- range .root.Files.Get "files/settings.json" | fromJsonArray -}}
{{- if or (not .role) (eq .role $role) }}{{ $names = append $names .name }}{{ end -}}
{{- end -}}
{{- toJson (uniq $names) -}}
{{- end -}}

{{- define "rejoinder.env" -}}
{{- range $setting, $from := include "rejoinder.given" . | fromJson }}
- name: {{ $setting }}
  {{- if $from.secret }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret.existingSecret }}
      key: {{ $from.secret.key }}
  {{- else if $from.field }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $from.field }}
  {{- else if $from.file }}
  value: /etc/rejoinder/{{ $setting }}/{{ $from.file.key }}
  {{- else }}
  value: {{ $from.value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Name of the volume of a setting that is a file. */}}
{{- define "rejoinder.volume" -}}
{{ . | lower | replace "_" "-" | trimPrefix "rejoinder-" }}
{{- end -}}

{{- define "rejoinder.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- range $setting, $from := include "rejoinder.given" . | fromJson }}
{{- if $from.file }}
- name: {{ include "rejoinder.volume" $setting }}
  mountPath: /etc/rejoinder/{{ $setting }}
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}

{{/* A secret's file belongs to root and to our group, which may read it: so the key file is taken. */}}
{{- define "rejoinder.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- range $setting, $from := include "rejoinder.given" . | fromJson }}
{{- with $from.file }}
- name: {{ include "rejoinder.volume" $setting }}
  {{- if .existingConfigMap }}
  configMap:
    name: {{ .existingConfigMap }}
  {{- else }}
  secret:
    secretName: {{ .existingSecret }}
  {{- end }}
    # 0440, in a form that YAML 1.1 and 1.2 read alike.
    defaultMode: 288
    items:
      - key: {{ .key }}
        path: {{ .key }}
{{- end }}
{{- end }}
{{- end -}}
