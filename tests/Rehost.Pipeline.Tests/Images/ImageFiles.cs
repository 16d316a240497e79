using System.Diagnostics;
using Rehost.Pipeline.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

/// <summary>Images for the tests of rehost image, and its command line.</summary>
internal static class ImageFiles
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "rehost");

    /// <summary>A raw disk: data that compresses and data that does not, stored zeros, and holes.</summary>
    public static string MakeRaw(ScratchDirectory scratch, string name, long size, int seed = 1)
    {
        var random = new Random(seed);
        using var file = File.Create(scratch[name]);
        file.SetLength(size);
        var buffer = new byte[300_000];
        for (var at = 0L; at < size; at += random.Next(1, 600_000))
        {
            var kind = random.Next(4);
            var length = (int)Math.Min(random.Next(1, buffer.Length), size - at);
            if (kind == 0)
            {
                continue;
            }

            var part = buffer.AsSpan(0, length);
            part.Clear();
            if (kind == 1)
            {
                random.NextBytes(part);
            }
            else if (kind == 2)
            {
                part.Fill((byte)random.Next(1, 256));
            }

            file.Position = at;
            file.Write(part);
            at += length;
        }

        return scratch[name];
    }

    public static ImageConversionReport Convert(string source, string target, Func<ImageConversionRequest, ImageConversionRequest>? change = null)
    {
        var request = new ImageConversionRequest(new ImageRequest(source), target);
        return ImageConversion.Run(change?.Invoke(request) ?? request, new SilentProgress(), TestContext.Current.CancellationToken);
    }

    /// <summary>Runs rehost image as a process.</summary>
    public static ToolResult Run(params string[] arguments) => Tool.Run(Program, ["image", .. arguments]);

    /// <summary>Starts rehost image and does not wait.</summary>
    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in arguments.Prepend("image"))
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw new InvalidOperationException("rehost did not start");
    }
}
