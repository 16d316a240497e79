using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/crypttab: the underlying device of each mapping.</summary>
internal sealed partial class CrypttabStep : ConversionStep
{
    private const string Path = "/etc/crypttab";

    public override string Id => "crypttab";

    public override string Title => "Encrypted volumes by UUID";

    public override string Description =>
        "The second field of crypttab names the device below a mapping. With a UUID (of the LUKS header) it holds on every bus. A device that is encrypted afresh at " +
        "each boot (swap with a random key) has none, and gets the target's name.";

    public override ImmutableArray<string> Requirements => ["S1.37"];

    public override ImmutableArray<string> Reads => [Path];

    public override void Plan(PlanningContext context)
    {
        if (context.Text(Path) is not { } text)
        {
            context.Skip("the guest has no crypttab");
            return;
        }

        var edited = Lines.Map(text, line => Source().Match(line) is { Success: true } match && context.Devices.Resolve(match.Groups["device"].Value) is { } volume
            ? line[..match.Groups["device"].Index] + NameOf(volume, context) + line[(match.Groups["device"].Index + match.Groups["device"].Length)..]
            : line);
        context.SetText(Path, edited, "Device names change with the hypervisor.");
        context.Skip("no line names a device by its bus");
    }

    private static string NameOf(Model.VolumeFacts volume, PlanningContext context)
        => volume.Type is "crypto_LUKS" ? context.Devices.StableName(volume) : context.Devices.TargetName(volume);

    [GeneratedRegex(@"^\s*[^#\s]\S*\s+(?<device>/dev/\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Source();
}
