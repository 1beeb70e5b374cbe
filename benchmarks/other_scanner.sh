#!/usr/bin/env bash
# The proof of the training wizard's way: the lite model is fine-tuned for twenty minutes on patients of another scanner
# (other_scanner.py), then compared with what it was, there and on the scanner that it was made for.
# usage: benchmarks/other_scanner.sh path/to/kaggle_3m OUT [CASE_FOLDER...]   (more cases to train on, for instance of BraTS)
# MINUTES=N before it takes another time; the figures of docs/results.md are of 20.
set -euo pipefail
[ $# -ge 2 ] || { sed -n 2,5p "$0"; exit 2; }
lgg=$(realpath "$1") out=$(realpath -m "$2"); shift 2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python}
# Kept apart when the bundled models were trained.
test=(TCGA_CS_6188_20010812 TCGA_DU_6404_19850629 TCGA_DU_7008_19830723 TCGA_DU_7018_19911220 TCGA_DU_8162_19961029
  TCGA_FG_A60K_20040224 TCGA_HT_7680_19970202 TCGA_HT_8018_19970411 TCGA_HT_8105_19980826)
validation=(TCGA_DU_7010_19860307 TCGA_FG_6690_20020226 TCGA_HT_7693_19950520)
training=(TCGA_CS_4942_19970222 TCGA_CS_5393_19990606 TCGA_CS_6668_20011025 TCGA_DU_5853_19950823 TCGA_DU_6401_19831001
  TCGA_DU_7014_19860618 TCGA_DU_7302_19911203 TCGA_DU_A5TW_19980228 TCGA_FG_5964_20010511 TCGA_HT_7605_19950916
  TCGA_HT_7884_19980913 TCGA_HT_8113_19930809)

mkdir -p "$out/original"
"$python" "$here/other_scanner.py" "$lgg" "$out/other" "${test[@]}" "${validation[@]}" "${training[@]}"
for folder in "$@"; do cp -RL "$folder" "$out/other/"; done
for patient in "${test[@]}"; do cp -RL "$lgg/$patient" "$out/original/"; done

export XDG_CONFIG_HOME=$out/home XDG_DATA_HOME=$out/home XDG_STATE_HOME=$out/home # the user's own models stay as they are
"$python" -m tumorview train-prepare "$out/other" --out "$out/runs" --name "Other scanner" --base unet-cbam-lgg-lite \
  --minutes "${MINUTES:-20}" $(printf -- '--test %s ' "${test[@]}") $(printf -- '--validation %s ' "${validation[@]}")
run=$(ls -d "$out"/runs/* | tail -1)
"$python" -m tumorview train --data "$run/data" --out "$run" --recipe "$run/plan.toml"
"$python" -m tumorview models default unet-cbam-lgg-lite # what the new model is compared with
"$python" -m tumorview models compare "$run" --reference "$out/original"
