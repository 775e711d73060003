{{- define "saemi.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "saemi.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Labels by which selectors find a component's pods; they may never change. (dict "root" $ "component" "web") */}}
{{- define "saemi.selectorLabels" -}}
app.kubernetes.io/name: saemi
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "saemi.labels" -}}
{{ include "saemi.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* The settings that all processes share. */}}
{{- define "saemi.environment" -}}
{{- $secret := required "secretName: the name of a Secret with database-url, broker-url and the keys of S3" .Values.secretName -}}
{{- range $variable, $key := dict "SAEMI_DATABASE_URL" "database-url" "SAEMI_BROKER_URL" "broker-url" "SAEMI_S3_ACCESS_KEY_ID" "s3-access-key-id" "SAEMI_S3_SECRET_ACCESS_KEY" "s3-secret-access-key" }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}
{{- end }}
{{- range $variable, $value := .Values.settings }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* What every pod has. Kubernetes would make variables such as SAEMI_WEB_PORT from the names of services, and SAEMI takes no
     setting that it does not know: hence no service links. */}}
{{- define "saemi.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "saemi.container" -}}
image: {{ include "saemi.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Probes of a process that has no page but its metrics. */}}
{{- define "saemi.metricsProbes" -}}
startupProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 4
{{- end }}
