using System.Collections.Immutable;
using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;
using Rehost.Remote.Xapi;

namespace Rehost.Cli.Commands;

/// <summary>rehost upload.</summary>
internal static class UploadCommand
{
    public static Command Create(TimeProvider time)
    {
        var path = new Argument<string>("xva") { Description = "An XVA, or the output directory of a conversion to xenserver." };
        var to = new Option<string>("--to") { Description = "The host, as xenserver://[USER@]HOST[:PORT]/[?sr=NAME]; the pool's default storage repository unless sr names one.", Required = true };
        var networks = new Option<string[]>("--network") { Description = "Which network of the host stands for one of the machine, as OLD=NEW: name label, bridge or UUID; may be repeated." };
        var identity = new Option<bool>("--new-identity") { Description = "Let the host give new UUIDs and MAC addresses, as for a clone." };
        var check = new Option<bool>("--check") { Description = "Only check the host: login, storage repository and its room, networks, name." };
        var remote = new RemoteArguments();
        var command = new Command("upload", "Imports a machine into XenServer or XCP-ng over its API, and checks what came of it. The machine is not started.\n\nExamples:\n  rehost upload out/web01.xva --to xenserver://root@pool1/ --tls-fingerprint 12:34:…\n  rehost upload out/ --to 'xenserver://pool1/?sr=fast' --password-file pw --network xenbr0='Network 1'");
        command.Arguments.Add(path);
        foreach (var option in new Option[] { to, networks, identity, check })
        {
            command.Options.Add(option);
        }

        remote.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(to);
            XapiAddress.Parse(address);
            var access = remote.Read(parsed, address) ?? throw PipelineDiagnostics.BadOption.ToException($"'{address}' is no xenserver:// address", "--to");
            var options = new UploadOptions(Mapped(parsed.GetValue(networks) ?? []), parsed.GetValue(identity), parsed.GetValue(check));
            var report = new HostTransfer(context.Progress).Upload(parsed.GetRequiredValue(path), address, access, options, cancellationToken);
            context.Print(report, HostTransferPrinter.Print);
            return ExitCode.Success;
        });
    }

    private static ImmutableDictionary<string, string> Mapped(string[] given)
    {
        var mapped = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var pair in given)
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at < 1 || at == pair.Length - 1)
            {
                throw PipelineDiagnostics.BadOption.ToException($"'{pair}' is not OLD=NEW", "--network");
            }

            mapped[pair[..at]] = pair[(at + 1)..];
        }

        return mapped.ToImmutable();
    }
}
