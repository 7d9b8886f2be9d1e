"""Depthwise convolution for training on CPUs: depthwise.cpp, compiled on the machine that uses it."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import torch

SOURCE = Path(__file__).with_name("depthwise.cpp")
DTYPE_NAMES = {torch.bfloat16: "bfloat16", torch.float32: "float32"}
FLAGS = ("-O3", "-march=native", "-std=c++17", "-Wno-psabi", "-shared", "-fPIC", "-pthread")
_library: ctypes.CDLL | None = None  # one per process, set by compile_kernels


def compile_kernels(folder: str | Path) -> None:
    """Compile into a folder, and use the result from now on; raises OSError or CalledProcessError."""
    global _library
    target = Path(folder) / "depthwise.so"
    if not target.exists() or target.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(["g++", *FLAGS, str(SOURCE), "-o", str(target)], check=True)
    _library = ctypes.CDLL(str(target))


def is_usable(x: torch.Tensor) -> bool:
    """Return whether x, (N, C, S, S), can be convolved here."""
    return _library is not None and x.dtype in DTYPE_NAMES and x.shape[1] % 16 == 0


def _call(name: str, *tensors: torch.Tensor, sizes: tuple[int, ...]) -> None:
    pointers = [ctypes.c_void_p(t.data_ptr()) for t in tensors]
    function = getattr(_library, f"{name}_{DTYPE_NAMES[tensors[0].dtype]}")
    function(*pointers, *sizes, torch.get_num_threads())


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


class Depthwise(torch.autograd.Function):
    """Images (N, C, S, S) bfloat16 or float32, kernel (C, 1, K, K) and bias (C,) float32 to images."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, stride: int) -> torch.Tensor:
        x, size = _channels_last(x), kernel.shape[-1]
        taps = kernel.detach().float().permute(2, 3, 0, 1).contiguous()
        n, c, h, _ = x.shape
        y = torch.empty((n, c, h // stride, h // stride), dtype=x.dtype, memory_format=torch.channels_last)
        ctx.sizes = (n, h, c, size, stride)
        if stride == 1:
            # Here the stock kernel is fast.
            y = torch.nn.functional.conv2d(x, kernel.to(x.dtype), bias.to(x.dtype), 1, size // 2, 1, c)
        else:
            _call("forward", x, taps, bias.detach().float().contiguous(), y, sizes=ctx.sizes)
        ctx.save_for_backward(x, taps)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, taps = ctx.saved_tensors
        gradient, (_, _, c, size, stride) = _channels_last(gradient), ctx.sizes
        kernel_gradient, bias_gradient = torch.empty_like(taps), torch.empty(c)
        _call("kernel", x, gradient, kernel_gradient, bias_gradient, sizes=ctx.sizes)
        if stride == 1:
            flipped = taps.flip(0, 1).permute(2, 3, 0, 1).to(x.dtype)
            image_gradient = torch.nn.functional.conv2d(gradient, flipped, None, 1, size // 2, 1, c)
        else:
            image_gradient = torch.empty_like(x)
            _call("images", gradient, taps, image_gradient, sizes=ctx.sizes)
        return image_gradient, kernel_gradient.permute(2, 3, 0, 1), bias_gradient, None
