#!/usr/bin/env bash
# What the deployment guide does for each device: eight calls of the AWS CLI, one after the other.
# Usage: guide_loop.sh <first> <count> <thing type> <policy> <directory>
set -euo pipefail
first=$1 count=$2 thing_type=$3 policy=$4 directory=$5
mkdir -p "$directory"
for ((number = first; number < first + count; number++)); do
  device=$(printf 'device-%03d' "$number")
  thing="guide-$device"
  aws sts get-caller-identity >/dev/null
  aws iot describe-thing-type --thing-type-name "$thing_type" >/dev/null
  aws iot get-policy --policy-name "$policy" >/dev/null
  aws iot describe-thing --thing-name "$thing" >/dev/null 2>&1 || true
  aws iot create-thing --thing-name "$thing" --thing-type-name "$thing_type" \
    --attribute-payload "attributes={device_id=$device,firmware_version=1.0.0}" >/dev/null
  arn=$(aws iot create-keys-and-certificate --set-as-active \
    --certificate-pem-outfile "$directory/$device.crt" --private-key-outfile "$directory/$device.key" \
    --query certificateArn --output text)
  chmod 600 "$directory/$device.key"
  aws iot attach-policy --policy-name "$policy" --target "$arn"
  aws iot attach-thing-principal --thing-name "$thing" --principal "$arn"
done
