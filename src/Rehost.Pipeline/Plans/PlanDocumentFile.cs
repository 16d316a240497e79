using System.Text;
using System.Text.Json;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>Plan documents as files.</summary>
public static class PlanDocumentFile
{
    private const long Largest = 256 << 20;

    /// <summary>Writes a document as a new file, which its owner alone may read: it holds guest data.</summary>
    /// <exception cref="DiagnosticException">The file exists or cannot be written (BLK004).</exception>
    public static void Save(PlanDocument document, string path)
    {
        ArgumentNullException.ThrowIfNull(document);
        PlanDocumentRules.Demand(document, path);
        using var file = CommittedFile.Create(path);
        file.Write(default, Encoding.UTF8.GetBytes(PlanDocumentText.Write(document)));
        file.Commit();
    }

    /// <summary>Reads a document.</summary>
    /// <exception cref="DiagnosticException">It is malformed (PLD001), of another version (PLD002), or leads out of the guest (PLD003).</exception>
    public static PlanDocument Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > Largest)
            {
                throw PlanDocumentDiagnostics.Malformed.ToException($"it has {file.Length} bytes, at most {Largest} are read", path);
            }

            // Half a character would become a question mark, and the plan another one.
            var text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
            var document = PlanDocumentText.Read(text, path);
            PlanDocumentRules.Demand(document, path);
            return document;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or InvalidOperationException or OverflowException)
        {
            throw PlanDocumentDiagnostics.Malformed.ToException(e.Message, path, e);
        }
        catch (FileNotFoundException e)
        {
            throw PlanDocumentDiagnostics.Malformed.ToException("no such file", path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PlanDocumentDiagnostics.Malformed.ToException(e.Message, path, e);
        }
    }

    /// <summary>Signs a document off as it stands, and puts it in the place of the one that is there, as a whole or not at all.</summary>
    /// <param name="path">The document.</param>
    /// <param name="by">Who answers for it.</param>
    /// <param name="note">What they say; null for nothing.</param>
    /// <returns>The document with the sign-off.</returns>
    /// <exception cref="DiagnosticException">It is no plan, or cannot be written (BLK004).</exception>
    public static PlanDocument SignOff(string path, string by, string? note)
    {
        ArgumentNullException.ThrowIfNull(by);
        var document = Load(path);
        var signed = document with { SignedOff = new SignOff(by, note, PlanDocumentText.DigestOf(document)) };
        var fresh = path + ".signed";
        File.Delete(fresh);
        Save(signed, fresh);
        try
        {
            File.Move(fresh, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException(e.Message, path, e);
        }

        return signed;
    }

    /// <summary>Digest of a document as it stands.</summary>
    public static string DigestOf(PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        return PlanDocumentText.DigestOf(document);
    }

    /// <summary>Refuses a document whose sign-off is for something else, or that has none where one is wanted.</summary>
    /// <returns>What the operator should know of edits that nobody signed off; null for nothing.</returns>
    /// <exception cref="DiagnosticException">PLD006, PLD008.</exception>
    public static Diagnostic? DemandSignOff(PlanDocument document, bool isRequired, string path)
    {
        ArgumentNullException.ThrowIfNull(document);
        var digest = PlanDocumentText.DigestOf(document);
        if (document.SignedOff is { } signed && !string.Equals(signed.Digest, digest, StringComparison.OrdinalIgnoreCase))
        {
            throw PlanDocumentDiagnostics.StaleSignOff.ToException($"{signed.By} signed off {signed.Digest}; the plan as it stands has {digest}", path);
        }

        if (document.SignedOff is null && isRequired)
        {
            throw PlanDocumentDiagnostics.SignOffRequired.ToException($"nobody signed off {digest}", path);
        }

        return document.SignedOff is null && digest != document.Digest ? PlanDocumentDiagnostics.NotSignedOff.Create(PlanEdits.Of(document) is { IsEdited: true } edits ? edits.ToString() : "what was seen of the guest was edited", path) : null;
    }
}
