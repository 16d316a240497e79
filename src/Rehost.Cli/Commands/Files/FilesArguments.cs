using System.CommandLine;
using Rehost.Pipeline.Files;

namespace Rehost.Cli.Commands.Files;

/// <summary>The source and the volume in it, the same for every verb of rehost files.</summary>
internal sealed class FilesArguments
{
    private readonly SourceArguments _source = new();
    private readonly Option<string?> _volume = new("--volume", "--partition") { Description = "The volume meant, when it is not the guest as its fstab puts it together: device name (xvda2), partition number, vg/lv, UUID or label." };

    public void AddTo(Command command, params ReadOnlySpan<Argument> more)
    {
        _source.AddTo(command);
        foreach (var argument in more)
        {
            command.Arguments.Add(argument);
        }

        command.Options.Add(_volume);
    }

    public GuestFiles Open(ParseResult parsed, CancellationToken cancellationToken, string? scratch = null)
        => GuestFiles.Open(_source.Read(parsed), parsed.GetValue(_volume), scratch ?? Path.GetTempPath(), KeyPrompt.Ask, cancellationToken);
}
