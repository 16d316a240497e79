namespace Rehost.Pipeline.Tests.Faults;

/// <summary>How a run ended.</summary>
internal enum CrashKind
{
    /// <summary>kill -9: what was written is there.</summary>
    Kill,

    /// <summary>The power went: of what was not flushed any part is there, the last write torn at a sector.</summary>
    PowerCut,

    /// <summary>The power went, and the disk had said of the image's last flushes that they were done when they were not. The journal's were.</summary>
    LyingFlush,
}

/// <summary>Makes the files that a run leaves which ended at some operation.</summary>
internal static class CrashState
{
    private const int Sector = 512;

    /// <summary>Writes the files, whose places are those of the run itself.</summary>
    /// <param name="operations">What the whole run did.</param>
    /// <param name="count">How much of it was done.</param>
    /// <param name="kind">How it ended.</param>
    /// <param name="random">Decides what of the rest is there.</param>
    public static void Make(IReadOnlyList<FileOperation> operations, int count, CrashKind kind, Random random)
    {
        var files = new Dictionary<string, MemoryStream>(StringComparer.Ordinal);
        foreach (var group in operations.Take(count).Select((operation, index) => (operation, index)).GroupBy(one => one.operation.Path))
        {
            var flushes = group.Where(one => one.operation.Kind == FileOperationKind.Flush).Select(one => one.index).ToList();
            var isJournal = group.Key.EndsWith(".journal", StringComparison.Ordinal);
            var lied = kind == CrashKind.LyingFlush && !isJournal && flushes.Count > 0 ? random.Next(1, 4) : 0;
            var durable = kind == CrashKind.Kill ? int.MaxValue : flushes.Count > lied ? flushes[^(lied + 1)] : -1;
            var file = new MemoryStream();
            foreach (var (operation, index) in group)
            {
                var isThere = index < durable || (random.Next(2) == 0 && !(kind == CrashKind.LyingFlush && isJournal)) || (kind == CrashKind.LyingFlush && isJournal);
                if (operation.Kind == FileOperationKind.Write && isThere)
                {
                    var whole = index < durable || index < count - 1;
                    var length = whole ? operation.Data.Length : Math.Min(operation.Data.Length, random.Next((operation.Data.Length / Sector) + 1) * Sector);
                    file.Position = operation.Offset;
                    file.Write(operation.Data, 0, length);
                }
                else if (operation.Kind == FileOperationKind.SetLength && isThere)
                {
                    file.SetLength(operation.Offset);
                }
            }

            files[group.Key] = file;
        }

        foreach (var operation in operations.Take(count))
        {
            if (operation.Kind == FileOperationKind.Rename && operation.To is { } to && files.Remove(operation.Path, out var moved))
            {
                files[to] = moved;
            }
            else if (operation.Kind == FileOperationKind.Remove)
            {
                files.Remove(operation.Path);
            }
        }

        foreach (var (path, content) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? "/");
            using var file = File.Create(path);
            content.Position = 0;
            content.CopyTo(file);
        }
    }
}
