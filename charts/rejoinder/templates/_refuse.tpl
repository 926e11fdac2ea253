{{/* Says at once everything that is wrong with the values and that their schema cannot say, each with what to do. */}}
{{- define "rejoinder.refuse" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- range $value, $meaning := dict "database" "the URL of PostgreSQL" "keyring" "the URL of the keyring's database" "keyFile" "the key file that rejoinder make-key made" -}}
{{- if not (index $v $value).existingSecret }}{{ $wrong = append $wrong (printf "%s.existingSecret: name the Secret that holds %s" $value $meaning) }}{{ end -}}
{{- end -}}
{{- if not $v.kafka.brokers }}{{ $wrong = append $wrong "kafka.brokers: name the Kafka brokers, each as host:port" }}{{ end -}}
{{- $sasl := $v.kafka.sasl -}}
{{- if and (ne $sasl.mechanism "none") (not (and $sasl.user $sasl.existingSecret)) }}{{ $wrong = append $wrong "kafka.sasl: name the user, and the Secret that holds the password (existingSecret)" }}{{ end -}}
{{- if and (eq $sasl.mechanism "plain") (not $v.kafka.tls.enabled) }}{{ $wrong = append $wrong "kafka.sasl.mechanism: plain says the password as it is; enable kafka.tls, or choose scram-sha-512" }}{{ end -}}
{{- if and $v.kafka.tls.existingSecret (not $v.kafka.tls.enabled) }}{{ $wrong = append $wrong "kafka.tls.existingSecret: is of no use unless kafka.tls.enabled" }}{{ end -}}
{{- if not $v.s3.bucket }}{{ $wrong = append $wrong "s3.bucket: name the bucket of the attachments" }}{{ end -}}
{{- if and $v.gateway.ingress.enabled (not $v.gateway.ingress.host) }}{{ $wrong = append $wrong "gateway.ingress.host: name the host under which people reach the gateway" }}{{ end -}}
{{- $listed := .Files.Get "files/settings.json" | fromJsonArray -}}
{{- $written := include "rejoinder.written" . | fromJson -}}
{{- $places := dict "settings" $v.settings "secretSettings" $v.secretSettings "fileSettings" $v.fileSettings -}}
{{- range $role, $values := $v.roles }}{{ $_ := set $places (printf "roles.%s.settings" $role) (($values | default dict).settings | default dict) }}{{ end -}}
{{- range $place, $settings := $places -}}
{{- range $setting, $value := $settings -}}
{{- $found := list -}}
{{- range $listed }}{{ if eq .name $setting }}{{ $found = append $found . }}{{ end }}{{ end -}}
{{- $why := "" -}}
{{- if not $found }}{{ $why = "there is no such setting: `rejoinder settings` lists all" -}}
{{- else if hasKey $written $setting }}{{ $why = "the chart writes this one itself, from another value: README.md says which" -}}
{{- else if hasSuffix "_FILE" $setting }}{{ if ne $place "fileSettings" }}{{ $why = "this one names a file: put it below fileSettings" }}{{ end -}}
{{- else if eq $place "fileSettings" }}{{ $why = "this one names no file: put it below settings or secretSettings" -}}
{{- else if (first $found).secret }}{{ if ne $place "secretSettings" }}{{ $why = "this one is a secret: put it into a Secret, and name that below secretSettings" }}{{ end -}}
{{- else if hasPrefix "roles." $place -}}
{{- $isIts := false -}}
{{- range $found }}{{ if or (not .role) (hasPrefix (printf "roles.%s." .role) $place) }}{{ $isIts = true }}{{ end }}{{ end -}}
{{- if not $isIts }}{{ $why = "this role has no such setting" }}{{ end -}}
{{- end -}}
{{- with $why }}{{ $wrong = append $wrong (printf "%s.%s: %s" $place $setting .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $role, $_ := include "rejoinder.roles" . | fromJson -}}
{{- $values := include "rejoinder.role" (dict "root" $ "role" $role) | fromJson -}}
{{- $auto := $values.autoscaling -}}
{{- if and $auto.enabled (gt (int $auto.minReplicas) (int $auto.maxReplicas)) }}{{ $wrong = append $wrong (printf "roles.%s.autoscaling: minReplicas (%d) is over maxReplicas (%d)" $role (int $auto.minReplicas) (int $auto.maxReplicas)) }}{{ end -}}
{{- $least := int (ternary $auto.minReplicas $values.replicas $auto.enabled) -}}
{{- $min := int $values.podDisruptionBudget.minAvailable -}}
{{- if and $min (ge $min $least) }}{{ $wrong = append $wrong (printf "roles.%s.podDisruptionBudget: minAvailable (%d) must be below the least number of pods (%d), or no node could ever be drained" $role $min $least) }}{{ end -}}
{{- end -}}
{{- with $wrong }}{{ fail (printf "\nThese values are wrong:\n  %s\n" (join "\n  " .)) }}{{ end -}}
{{- end -}}
