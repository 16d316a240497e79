using System.CommandLine;
using Rehost.Pipeline.Plans;

namespace Rehost.Cli.Commands;

/// <summary>The options that name a plan document.</summary>
internal sealed class PlanArguments
{
    private readonly Option<string?> _plan = new("--plan") { Description = "A plan document (rehost plan --output), which is carried out exactly as it stands; it decides everything that the other options of the target would." };
    private readonly Option<bool> _required = new("--require-signed-off") { Description = "Refuse a plan that nobody signed off (rehost sign-off)." };

    public Option<bool> Required => _required;

    public void AddTo(Command command)
    {
        command.Options.Add(_plan);
        command.Options.Add(_required);
    }

    /// <summary>The document; null where none was given.</summary>
    public PlanDocument? Read(ParseResult parsed) => parsed.GetValue(_plan) is { } path ? Load(path, parsed.GetValue(_required)) : null;

    /// <summary>Reads a document that may be applied.</summary>
    public static PlanDocument Load(string path, bool isSignOffRequired)
    {
        var document = PlanDocumentFile.Load(path);
        PlanDocumentFile.DemandSignOff(document, isSignOffRequired, path);
        return document;
    }
}
