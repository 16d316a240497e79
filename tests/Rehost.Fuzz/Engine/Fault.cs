using System.Diagnostics;
using System.Text;

namespace Rehost.Fuzz.Engine;

/// <summary>What the oracle does not accept.</summary>
/// <param name="Key">The same for the same fault: kind, and the first places in our code.</param>
/// <param name="Text">All that is known.</param>
internal sealed record Fault(string Key, string Text)
{
    private const int Places = 3;

    public static Fault Of(Exception e)
    {
        if (e is OracleException broken)
        {
            return new Fault($"{broken.Property} {Describe(e)}", e.ToString());
        }

        return new Fault($"{e.GetType().Name} {Describe(e)}", e.ToString());
    }

    private static string Describe(Exception e)
    {
        var places = new StringBuilder();
        var count = 0;
        foreach (var frame in new StackTrace(e, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { } type } method && type.FullName is { } name && name.StartsWith("Rehost.", StringComparison.Ordinal) && !name.StartsWith("Rehost.Fuzz", StringComparison.Ordinal))
            {
                places.Append(count == 0 ? "" : " < ").Append(name.AsSpan(name.LastIndexOf('.') + 1)).Append('.').Append(method.Name);
                if (++count == Places)
                {
                    break;
                }
            }
        }

        return places.ToString();
    }
}
