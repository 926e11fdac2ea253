{{/* Whom a pod may reach, as rules of a NetworkPolicy. */}}

{{/* One rule: these ports of these peers, or of anybody. */}}
{{- define "rejoinder.rule" -}}
- ports:
    {{- range uniq .ports }}
    - port: {{ int . }}
      protocol: TCP
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "rejoinder.dnsRule" -}}
- ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - port: {{ int . }}
      protocol: UDP
    - port: {{ int . }}
      protocol: TCP
    {{- end }}
  to:
    {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
{{- end -}}

{{/* Public addresses, as the code itself checks them, and the networks that an operator allows beside them. */}}
{{- define "rejoinder.outside" -}}
{{ toYaml .root.Values.networkPolicy.public }}
{{- range .allowed }}
- ipBlock:
    cidr: {{ . }}
{{- end }}
{{- end -}}

{{/* The ports of a list of host:port, or of URLs: those that are written there, else those of the scheme. */}}
{{- define "rejoinder.portsOf" -}}
{{- $ports := list -}}
{{- range . -}}
{{- $port := regexFind ":[0-9]+$" (trimSuffix "/" (regexReplaceAll "^([a-z]+://[^/]+)/.*$" . "$1")) | trimPrefix ":" -}}
{{- $ports = append $ports (int ($port | default (ternary 80 443 (hasPrefix "http://" .)))) -}}
{{- end -}}
{{- toJson (uniq $ports) -}}
{{- end -}}

{{- define "rejoinder.egress" -}}
{{- $root := .root -}}
{{- $v := $root.Values -}}
{{- $net := $v.networkPolicy -}}
{{- $self := index (include "rejoinder.roles" $root | fromJson) .role -}}
{{- $roleValues := include "rejoinder.role" . | fromJson -}}
{{ include "rejoinder.dnsRule" $root }}
{{ include "rejoinder.rule" $net.database }}
{{ include "rejoinder.rule" (dict "to" $net.kafka.to "ports" ($net.kafka.ports | default (include "rejoinder.portsOf" $v.kafka.brokers | fromJsonArray))) }}
{{- with $v.traces.endpoint }}
{{ include "rejoinder.rule" (dict "to" $net.traces.to "ports" ($net.traces.ports | default (include "rejoinder.portsOf" (list .) | fromJsonArray))) }}
{{- end }}
{{- with $self.calls }}
- ports:
    - port: grpc
      protocol: TCP
  to:
    {{- range . }}
    - podSelector:
        matchLabels:
          {{- include "rejoinder.selector" (dict "root" $root "role" .) | nindent 10 }}
    {{- end }}
{{- end }}
{{- range $self.outside }}
{{- if eq . "s3" }}
{{ include "rejoinder.rule" (dict "to" $net.s3.to "ports" ($net.s3.ports | default (include "rejoinder.portsOf" (list $v.s3.endpoint) | fromJsonArray))) }}
{{- else if eq . "webhooks" }}
{{ include "rejoinder.rule" (dict "ports" $v.webhooks.ports "to" (include "rejoinder.outside" (dict "root" $root "allowed" $v.webhooks.allowedNetworks) | fromYamlArray)) }}
{{- else }}
{{- $ports := dict "imap" $v.mail.imapPorts "smtp" $v.mail.smtpPorts "https" (list 443) }}
{{ include "rejoinder.rule" (dict "ports" (index $ports .) "to" (include "rejoinder.outside" (dict "root" $root "allowed" $v.mail.allowedNetworks) | fromYamlArray)) }}
{{- end }}
{{- end }}
{{- with $roleValues.moreEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rejoinder.ingress" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $roles := include "rejoinder.roles" $root | fromJson -}}
{{- $self := index $roles .role -}}
- ports:
    - port: health
      protocol: TCP
  from:
    - podSelector:
        matchLabels:
          {{- include "rejoinder.selector" (dict "root" $root "role" "test") | nindent 10 }}
{{- $callers := list }}
{{- range $name, $caller := $roles }}
{{- if has $role $caller.calls }}{{ $callers = append $callers $name }}{{ end }}
{{- end }}
{{- $others := (include "rejoinder.role" . | fromJson).grpcFrom }}
{{- if and $self.grpc (concat $callers $others) }}
- ports:
    - port: grpc
      protocol: TCP
  from:
    {{- range $callers }}
    - podSelector:
        matchLabels:
          {{- include "rejoinder.selector" (dict "root" $root "role" .) | nindent 10 }}
    {{- end }}
    {{- with $others }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- if $self.http }}
- ports:
    - port: http
      protocol: TCP
  {{- with $root.Values.networkPolicy.httpFrom }}
  from:
    {{- toYaml . | nindent 4 }}
    - podSelector:
        matchLabels:
          {{- include "rejoinder.selector" (dict "root" $root "role" "test") | nindent 10 }}
  {{- end }}
{{- end }}
{{- if $self.smtp }}
- ports:
    - port: smtp
      protocol: TCP
{{- end }}
{{- end -}}
