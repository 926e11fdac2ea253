{{/* Names, labels, the image, and what every pod of ours has. */}}

{{- define "rejoinder.fullname" -}}
{{- $name := .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name)) -}}
{{- /* A label, of which the longest name of a role takes 12 characters. */ -}}
{{- $name | trunc 51 | trimSuffix "-" -}}
{{- end -}}

{{- define "rejoinder.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "rejoinder.labels" -}}
{{ include "rejoinder.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Name and labels of what belongs to a role. */}}
{{- define "rejoinder.metadata" -}}
name: {{ include "rejoinder.fullname" .root }}-{{ .role }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "rejoinder.labels" . | nindent 2 }}
{{- end -}}

{{/* The roles that are there: the intake only where it has a domain. JSON of name to what files/roles.yaml says of it. */}}
{{- define "rejoinder.roles" -}}
{{- $roles := .Files.Get "files/roles.yaml" | fromYaml -}}
{{- if not .Values.intake.domain }}{{ $roles = omit $roles "intake" }}{{ end -}}
{{- toJson $roles -}}
{{- end -}}

{{/* JSON of a role's values: its own over roleDefaults. */}}
{{- define "rejoinder.role" -}}
{{- mergeOverwrite (deepCopy .root.Values.roleDefaults) (index .root.Values.roles .role | default dict) | toJson -}}
{{- end -}}

{{/* What Helm makes before or after the release itself, and takes away once it has succeeded. */}}
{{- define "rejoinder.hook" -}}
annotations:
  helm.sh/hook: {{ .on }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- define "rejoinder.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "rejoinder.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "rejoinder.container" -}}
image: {{ include "rejoinder.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}
