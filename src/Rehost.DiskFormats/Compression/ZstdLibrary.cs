using System.Runtime.InteropServices;

namespace Rehost.DiskFormats.Compression;

/// <summary>libzstd, the one place that calls it; the framework gets Zstandard only after .NET 10.</summary>
internal static partial class ZstdLibrary
{
    private const string Name = "libzstd.so.1";
    private const int Level = 3;

    /// <summary>Makes a context for compressing.</summary>
    public static CompressionContext CreateCompressionContext() => Load(() => CreateCCtx());

    /// <summary>Makes a context for decompressing.</summary>
    public static DecompressionContext CreateDecompressionContext() => Load(() => CreateDCtx());

    /// <summary>Compresses into one frame; 0 when it does not fit.</summary>
    public static int Compress(CompressionContext context, ReadOnlySpan<byte> input, Span<byte> output)
    {
        var result = CompressCCtx(context, ref MemoryMarshal.GetReference(output), (nuint)output.Length, in MemoryMarshal.GetReference(input), (nuint)input.Length, Level);
        return IsError(result) != 0 ? 0 : (int)result;
    }

    /// <summary>Fills the output from one or more frames; false when the input is damaged or gives less. Padding after the frames is ignored.</summary>
    public static bool TryDecompress(DecompressionContext context, ReadOnlySpan<byte> input, Span<byte> output)
    {
        while (!output.IsEmpty)
        {
            var frame = FindFrameCompressedSize(in MemoryMarshal.GetReference(input), (nuint)input.Length);
            if (IsError(frame) != 0 || input.IsEmpty)
            {
                return false;
            }

            var written = DecompressDCtx(context, ref MemoryMarshal.GetReference(output), (nuint)output.Length, in MemoryMarshal.GetReference(input), frame);
            if (IsError(written) != 0)
            {
                return false;
            }

            output = output[(int)written..];
            input = input[(int)frame..];
        }

        return true;
    }

    private static T Load<T>(Func<T> create)
    {
        try
        {
            return create();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            throw DiskFormatDiagnostics.LibraryMissing.ToException($"{Name} is needed for zstd-compressed qcow2", inner: e);
        }
    }

    [LibraryImport(Name, EntryPoint = "ZSTD_createCCtx")]
    private static partial CompressionContext CreateCCtx();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeCCtx")]
    private static partial nuint FreeCCtx(nint context);

    [LibraryImport(Name, EntryPoint = "ZSTD_createDCtx")]
    private static partial DecompressionContext CreateDCtx();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeDCtx")]
    private static partial nuint FreeDCtx(nint context);

    [LibraryImport(Name, EntryPoint = "ZSTD_compressCCtx")]
    private static partial nuint CompressCCtx(CompressionContext context, ref byte output, nuint capacity, in byte input, nuint size, int level);

    [LibraryImport(Name, EntryPoint = "ZSTD_decompressDCtx")]
    private static partial nuint DecompressDCtx(DecompressionContext context, ref byte output, nuint capacity, in byte input, nuint size);

    [LibraryImport(Name, EntryPoint = "ZSTD_findFrameCompressedSize")]
    private static partial nuint FindFrameCompressedSize(in byte input, nuint size);

    [LibraryImport(Name, EntryPoint = "ZSTD_isError")]
    private static partial uint IsError(nuint code);

    /// <summary>ZSTD_CCtx.</summary>
    internal sealed class CompressionContext() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => FreeCCtx(handle) == 0;
    }

    /// <summary>ZSTD_DCtx.</summary>
    internal sealed class DecompressionContext() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => FreeDCtx(handle) == 0;
    }
}
