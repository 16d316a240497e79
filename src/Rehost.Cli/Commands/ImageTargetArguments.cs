using System.CommandLine;
using System.Globalization;
using Rehost.Pipeline;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>The options that say what a new image shall be like.</summary>
internal sealed class ImageTargetArguments
{
    private readonly Option<string?> _format = new("--target-format") { Description = "Format of the new image; default: what its extension says." };
    private readonly Option<string?> _kind = new("--sub-format") { Description = "Kind within the format: streamOptimized, monolithicSparse, dynamic, fixed." };
    private readonly Option<string> _compress = new("--compress") { Description = "Compression: none, zlib, zstd.", DefaultValueFactory = _ => "none" };
    private readonly Option<string?> _cluster = new("--cluster-size") { Description = "Unit of allocation, in bytes or as 64K, 2M; default: the format's own." };
    private readonly Option<string> _preallocation = new("--preallocation") { Description = "What is allocated ahead: none, metadata, full.", DefaultValueFactory = _ => "none" };

    public void AddTo(Command command)
    {
        _compress.AcceptOnlyFromAmong("none", "zlib", "zstd");
        _preallocation.AcceptOnlyFromAmong("none", "metadata", "full");
        foreach (var option in new Option[] { _format, _kind, _compress, _cluster, _preallocation, ImageArguments.Parallel })
        {
            command.Options.Add(option);
        }
    }

    public ImageConversionRequest Read(ParseResult parsed, ImageRequest source, string path) => new(source, path)
    {
        Format = parsed.GetValue(_format),
        SubFormat = parsed.GetValue(_kind),
        Compression = parsed.GetRequiredValue(_compress),
        UnitBytes = parsed.GetValue(_cluster) is { } size ? Size(size) : null,
        Preallocation = parsed.GetRequiredValue(_preallocation),
        Workers = ImageArguments.ReadParallel(parsed),
    };

    public bool HasFormat(ParseResult parsed) => parsed.GetValue(_format) is not null;

    private static int Size(string text)
    {
        var shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, _ => 0 };
        var digits = shift == 0 ? text : text[..^1];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 && count <= (1 << 30) >> shift
            ? count << shift
            : throw PipelineDiagnostics.BadOption.ToException($"'{text}' is no size such as 64K", "--cluster-size");
    }
}
