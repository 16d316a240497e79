using System.Collections.Concurrent;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Rehost.DiskFormats.Compression;

/// <summary>
/// Deflate of whole pieces, from any number of threads. libdeflate where it is installed, because it knows the whole piece and needs no window of its own;
/// the framework's streams elsewhere. Both read each other's output; only compressed sizes differ slightly.
/// </summary>
internal static partial class DeflateLibrary
{
    private const string Name = "libdeflate.so.0";
    private static readonly ConcurrentBag<Decompressor> IdleDecompressors = [];

    /// <summary>Whether libdeflate was found.</summary>
    public static bool IsNative { get; } = NativeLibrary.TryLoad(Name, out _);

    /// <summary>Decompresses one piece; what follows its end in the input is ignored.</summary>
    /// <param name="input">The compressed bytes.</param>
    /// <param name="output">Room for the content; never more is written, whatever the input claims.</param>
    /// <param name="hasZlibHeader">RFC 1950 (with its Adler-32 verified) instead of bare RFC 1951.</param>
    /// <returns>Bytes of content; -1 when the input is damaged, cut off, or its content does not fit.</returns>
    public static int Decompress(ReadOnlySpan<byte> input, Span<byte> output, bool hasZlibHeader)
        => IsNative ? DecompressNative(input, output, hasZlibHeader) : DecompressManaged(input, output, hasZlibHeader);

    private static int DecompressNative(ReadOnlySpan<byte> input, Span<byte> output, bool hasZlibHeader)
    {
        var decompressor = IdleDecompressors.TryTake(out var idle) ? idle : AllocateDecompressor();
        ref var source = ref MemoryMarshal.GetReference(input);
        ref var target = ref MemoryMarshal.GetReference(output);
        var result = hasZlibHeader
            ? ZlibDecompress(decompressor, in source, (nuint)input.Length, ref target, (nuint)output.Length, out var written)
            : RawDecompress(decompressor, in source, (nuint)input.Length, ref target, (nuint)output.Length, out written);
        IdleDecompressors.Add(decompressor);
        return result == 0 ? (int)written : -1;
    }

    private static int DecompressManaged(ReadOnlySpan<byte> input, Span<byte> output, bool hasZlibHeader)
    {
        try
        {
            using var memory = new MemoryStream(input.ToArray(), writable: false);
            using Stream stream = hasZlibHeader ? new ZLibStream(memory, CompressionMode.Decompress) : new DeflateStream(memory, CompressionMode.Decompress);
            var written = stream.ReadAtLeast(output, output.Length, throwOnEndOfStream: false);
            return written == output.Length && stream.ReadByte() >= 0 ? -1 : written;
        }
        catch (InvalidDataException)
        {
            return -1;
        }
    }

    [LibraryImport(Name, EntryPoint = "libdeflate_alloc_decompressor")]
    private static partial Decompressor AllocateDecompressor();

    [LibraryImport(Name, EntryPoint = "libdeflate_free_decompressor")]
    private static partial void FreeDecompressor(nint decompressor);

    [LibraryImport(Name, EntryPoint = "libdeflate_deflate_decompress")]
    private static partial int RawDecompress(Decompressor decompressor, in byte input, nuint inputLength, ref byte output, nuint outputLength, out nuint written);

    [LibraryImport(Name, EntryPoint = "libdeflate_zlib_decompress")]
    private static partial int ZlibDecompress(Decompressor decompressor, in byte input, nuint inputLength, ref byte output, nuint outputLength, out nuint written);

    /// <summary>struct libdeflate_decompressor.</summary>
    private sealed class Decompressor() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            FreeDecompressor(handle);
            return true;
        }
    }
}
