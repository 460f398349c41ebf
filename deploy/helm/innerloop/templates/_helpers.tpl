{{/* Names. */}}
{{- define "innerloop.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "innerloop.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "innerloop.name" .) .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "innerloop.name" .) | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "innerloop.selector" -}}
app.kubernetes.io/name: {{ include "innerloop.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "innerloop.labels" -}}
{{ include "innerloop.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "innerloop.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "innerloop.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "innerloop.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What runs, as a list of the keys of values.yaml. */}}
{{- define "innerloop.workers" -}}
{{- if eq .Values.mode "combined" -}}combined{{- else -}}consume,deliver,schedule,serve{{- end -}}
{{- end -}}

{{/* The Deployment that reads Kafka, and the one that people reach. */}}
{{- define "innerloop.reading" -}}{{ ternary "combined" "consume" (eq .Values.mode "combined") }}{{- end -}}
{{- define "innerloop.serving" -}}{{ ternary "combined" "serve" (eq .Values.mode "combined") }}{{- end -}}

{{- define "innerloop.rulesConfigMap" -}}
{{- if eq .Values.rules.from "existing" -}}{{ .Values.rules.existingConfigMap }}{{- else -}}{{ include "innerloop.fullname" . }}-rules{{- end -}}
{{- end -}}

{{/* A setting's secret as a file: store_url -> store-url. */}}
{{- define "innerloop.secretEnv" -}}
- name: INNERLOOP_{{ upper .setting }}_FILE
  value: /etc/innerloop/secrets/{{ .setting | replace "_" "-" }}
{{- end -}}

{{- define "innerloop.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $setting, $from := . }}
      {{- if $from }}
      - secret:
          name: {{ $from.name | quote }}
          items:
            - key: {{ $from.key | quote }}
              path: {{ $setting | replace "_" "-" }}
      {{- end }}
      {{- end }}
{{- end -}}

{{/* What would start and then not work is refused here, with what to do. */}}
{{- define "innerloop.check" -}}
{{- if not (regexMatch "^[a-z]" (include "innerloop.fullname" .)) -}}
{{- fail (printf "%s cannot name a Service, which begins with a letter: set fullnameOverride, such as innerloop." (include "innerloop.fullname" .)) -}}
{{- end -}}
{{- if not .Values.secrets.store_url -}}
{{- fail "secrets.store_url is needed: a Secret with the URL of a PostgreSQL, such as {name: innerloop, key: store-url}. SQLite is for one host; see deploy/systemd." -}}
{{- end -}}
{{- if not .Values.settings.kafka_bootstrap_servers -}}
{{- fail "settings.kafka_bootstrap_servers is needed, such as kafka-1:9092,kafka-2:9092." -}}
{{- end -}}
{{- if and (eq .Values.rules.from "configMap") (not .Values.rules.files) -}}
{{- fail "rules.from is configMap and rules.files is empty: give at least routing.yaml, playbooks.yaml and directory.yaml." -}}
{{- end -}}
{{- if and (eq .Values.rules.from "existing") (not .Values.rules.existingConfigMap) -}}
{{- fail "rules.from is existing: name it in rules.existingConfigMap." -}}
{{- end -}}
{{- if and (eq .Values.rules.from "image") (not .Values.rules.rulesPath) -}}
{{- fail "rules.from is image: say where the rules are in rules.rulesPath." -}}
{{- end -}}
{{- if and (eq .Values.rules.from "git") (not .Values.rules.git.repository) -}}
{{- fail "rules.from is git: name the repository in rules.git.repository." -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not .Values.autoscaling.prometheusUrl) (not .Values.autoscaling.authenticationRef) (ne (default "PLAINTEXT" .Values.settings.kafka_security_protocol) "PLAINTEXT") -}}
{{- fail "autoscaling asks Kafka for the lag, and settings.kafka_security_protocol says that it must sign in: name a TriggerAuthentication in autoscaling.authenticationRef, or set autoscaling.prometheusUrl." -}}
{{- end -}}
{{- if and .Values.kafkaTls.secretName (or .Values.settings.kafka_ssl_cafile .Values.settings.kafka_ssl_certfile .Values.settings.kafka_ssl_keyfile) -}}
{{- fail "kafkaTls.secretName says where the certificates for Kafka are: leave out settings.kafka_ssl_cafile, kafka_ssl_certfile and kafka_ssl_keyfile." -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if has .name (list "INNERLOOP_HTTP_LISTEN" "INNERLOOP_STORE_URL" "INNERLOOP_STORE_URL_FILE") -}}
{{- fail (printf "extraEnv sets %s, which the chart sets itself: leave it out." .name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host: the host of the setting public_url." -}}
{{- end -}}
{{- end -}}

{{- define "innerloop.env" -}}
- name: INNERLOOP_HTTP_LISTEN
  value: 0.0.0.0:8080
{{- range $setting, $value := .Values.settings }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: INNERLOOP_{{ upper $setting }}
  value: {{ if kindIs "float64" $value }}{{ $value | int64 | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{- end }}
{{- range $setting, $from := .Values.secrets }}
{{- if $from }}
{{ include "innerloop.secretEnv" (dict "setting" $setting) }}
{{- end }}
{{- end }}
{{- with .Values.kafkaTls }}
{{- if .secretName }}
{{- range $setting, $key := dict "CAFILE" .ca "CERTFILE" .cert "KEYFILE" .key }}
{{- if $key }}
- name: INNERLOOP_KAFKA_SSL_{{ $setting }}
  value: /etc/innerloop/kafka/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.rules }}
{{- if or (eq .from "configMap") (eq .from "existing") }}
- name: INNERLOOP_RULES_DIR
  value: /etc/innerloop/rules
{{- else if eq .from "image" }}
- name: INNERLOOP_RULES_DIR
  value: {{ .rulesPath | quote }}
{{- with .templatesPath }}
- name: INNERLOOP_TEMPLATES_DIR
  value: {{ . | quote }}
{{- end }}
{{- else if eq .from "git" }}
- name: INNERLOOP_RULES_DIR
  value: /etc/innerloop/git/current/{{ .git.rulesFolder }}
{{- with .git.templatesFolder }}
- name: INNERLOOP_TEMPLATES_DIR
  value: /etc/innerloop/git/current/{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "innerloop.volumeMounts" -}}
- {name: secrets, mountPath: /etc/innerloop/secrets, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.kafkaTls.secretName }}
- {name: kafka-tls, mountPath: /etc/innerloop/kafka, readOnly: true}
{{- end }}
{{- if or (eq .Values.rules.from "configMap") (eq .Values.rules.from "existing") }}
- {name: rules, mountPath: /etc/innerloop/rules, readOnly: true}
{{- else if eq .Values.rules.from "git" }}
- {name: git, mountPath: /etc/innerloop/git, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "innerloop.volumes" -}}
{{ include "innerloop.secretsVolume" .Values.secrets }}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- with .Values.kafkaTls.secretName }}
- name: kafka-tls
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- if eq .Values.rules.from "configMap" }}
- name: rules
  configMap:
    name: {{ include "innerloop.rulesConfigMap" . }}
    items:
      {{- range $path, $_ := .Values.rules.files }}
      - {key: {{ $path | replace "/" "__" | quote }}, path: {{ $path | quote }}}
      {{- end }}
{{- else if eq .Values.rules.from "existing" }}
- name: rules
  configMap:
    name: {{ include "innerloop.rulesConfigMap" . | quote }}
    {{- with .Values.rules.existingKeys }}
    items:
      {{- range . }}
      - {key: {{ . | quote }}, path: {{ . | replace "__" "/" | quote }}}
      {{- end }}
    {{- end }}
{{- else if eq .Values.rules.from "git" }}
- {name: git, emptyDir: {sizeLimit: 512Mi}}
{{- if .Values.rules.git.existingSecret }}
- name: git-secret
  secret: {secretName: {{ .Values.rules.git.existingSecret | quote }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* git-sync beside the worker. Not before it: when the repository cannot be reached, a new pod works with the rule set
     that the store remembers. Only the very first pod has nothing to remember, and is started again until it has. */}}
{{- define "innerloop.gitSync" -}}
{{- $git := .Values.rules.git -}}
- name: rules
  image: {{ $git.image | quote }}
  env:
    - {name: HOME, value: /tmp}
    - {name: GITSYNC_REPO, value: {{ $git.repository | quote }}}
    - {name: GITSYNC_REF, value: {{ $git.ref | quote }}}
    - {name: GITSYNC_ROOT, value: /git}
    - {name: GITSYNC_LINK, value: current}
    - {name: GITSYNC_DEPTH, value: "1"}
    - {name: GITSYNC_PERIOD, value: {{ $git.period | quote }}}
    - {name: GITSYNC_MAX_FAILURES, value: "-1"}
    {{- if $git.existingSecret }}
    {{- if eq $git.auth "ssh" }}
    - {name: GITSYNC_SSH_KEY_FILE, value: /etc/git-secret/ssh}
    - {name: GITSYNC_SSH_KNOWN_HOSTS_FILE, value: /etc/git-secret/known_hosts}
    {{- else }}
    - {name: GITSYNC_USERNAME, valueFrom: {secretKeyRef: {name: {{ $git.existingSecret | quote }}, key: username}}}
    - {name: GITSYNC_PASSWORD_FILE, value: /etc/git-secret/password}
    {{- end }}
    {{- end }}
  volumeMounts:
    - {name: git, mountPath: /git}
    - {name: tmp, mountPath: /tmp}
    {{- if $git.existingSecret }}
    - {name: git-secret, mountPath: /etc/git-secret, readOnly: true}
    {{- end }}
  resources: {{- toYaml $git.resources | nindent 4 }}
  # The user that the image knows: ssh refuses to run for one without a name.
  securityContext: {{- toYaml (merge (dict "runAsUser" 65533 "runAsGroup" 65533) .Values.securityContext) | nindent 4 }}
{{- end -}}
