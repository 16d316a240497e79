using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Secrets that a plan shows as marks only, see <see cref="SecretText"/>: the guest's own files say what stands there. They are read while nothing has been changed yet.</summary>
internal sealed class HiddenSecrets(GuestTree tree)
{
    private const int LargestFile = 16 << 20;
    private readonly Dictionary<string, string> _found = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    /// <summary>Reads the files that the marks of a text came from.</summary>
    /// <exception cref="DiagnosticException">A mark stands for nothing in the guest (CNV019).</exception>
    public void Learn(string text, string path)
    {
        foreach (var source in SecretText.SourcesOf(text).Where(_read.Add))
        {
            if (tree.TryResolve(source) is { Kind: NodeKind.File, Metadata.Length: <= LargestFile })
            {
                foreach (var (mark, secret) in SecretText.Find(source, GuestText.Decode(tree.ReadAllBytes(source, LargestFile))))
                {
                    _found.TryAdd(mark, secret);
                }
            }
        }

        Restore(text, path);
    }

    /// <summary>The text as it goes into the guest.</summary>
    /// <exception cref="DiagnosticException">A mark stands for nothing in the guest (CNV019).</exception>
    public string Restore(string text, string path)
    {
        var restored = SecretText.Restore(text, _found.GetValueOrDefault, out var unknown);
        return unknown is null ? restored : throw ApplyDiagnostics.UnknownSecret.ToException($"'{unknown}' in the new content", path);
    }
}
